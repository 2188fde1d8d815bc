import http from 'node:http';
http.createServer((request, answer) => answer.end(`${process.argv[2]} ${process.execArgv.join()}\n`))
  .listen(process.env.PORT, () => console.log('listening'));
