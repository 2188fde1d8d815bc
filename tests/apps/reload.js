// A server whose next start does what the file "mode" says: serve (the default), throw, hang (never
// listens), late (listens after half a second), held (listens when there is a file "go"), die (dies a
// moment after it listens), sick (answers 503), warming (answers 503 for half a second). It answers
// with its pid; /slow takes 300 ms, /open never ends. What happens is printed.
'use strict';
const fs = require('fs');
const mode = fs.existsSync('mode') ? fs.readFileSync('mode', 'utf8').trim() : 'serve';
const born = Date.now();
const say = (...words) => console.log(words.join(' '));

function hold() {
  const look = setInterval(() => {
    if (!fs.existsSync('go')) return;
    clearInterval(look);
    serve();
  }, 20);
}

function serve() {
  require('http').createServer((request, answer) => {
    const isSick = mode === 'sick' || (mode === 'warming' && Date.now() < born + 500);
    if (isSick) answer.statusCode = 503;
    if (request.url === '/slow') {
      say('asked', process.pid);
      setTimeout(() => answer.end(`${process.pid}\n`), 300);
    } else if (request.url === '/open') answer.write('open\n');
    else answer.end(`${process.pid}\n`);
  }).listen(+process.env.PORT, () => {
    say('listening', process.pid);
    if (process.env.READY) setTimeout(() => process.send('ready'), 200);
    if (mode === 'die') setTimeout(() => process.exit(3), 50);
  });
}

say('start', mode, process.pid, `options ${process.env.NODE_OPTIONS}`, `args ${process.execArgv}`);
process.on('SIGINT', () => {
  say('SIGINT', process.pid);
  process.exit(0);
});
process.on('message', (m) => {
  if (m !== 'shutdown') return;
  say('shutdown', process.pid);
  process.exit(0);
});
if (mode === 'throw') {
  console.error('about to fail');
  throw new Error('this build is broken');
}
if (mode === 'hang') setInterval(() => {}, 1000);
else if (mode === 'late') setTimeout(serve, 500);
else if (mode === 'held') hold();
else if (mode !== 'queue') serve();
