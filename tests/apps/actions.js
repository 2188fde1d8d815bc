// Registers actions as the wrapper of PM2 does, without it; what it is asked is in what it returns.
'use strict';
const names = ['hello', 'silent', 'die', 'nothing'];
for (const action_name of names)
  process.send({ type: 'axm:action', data: { action_name, action_type: 'custom', arity: 1 } });
process.on('message', (message) => {
  const action_name = message.msg || message;
  if (action_name === 'die')
    process.exit(3);
  if (action_name === 'silent')
    return;
  const value = action_name === 'nothing' ? undefined : { got: message };
  process.send({ type: 'axm:reply', data: { at: Date.now(), action_name, return: value } });
});
console.log('listens');
