// SPDX-License-Identifier: MIT
// Talks on the channel: says what it hears, and sends one of each kind.
process.on('message', (m) => console.log('MESSAGE ' + JSON.stringify(m)));
process.send('hello');
process.send({ type: 'greeting', data: { to: 'bus' } });
console.log('channel ' + process.connected);
