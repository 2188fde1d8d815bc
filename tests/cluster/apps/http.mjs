// The same as an ES module, with an await before it listens.
import { createServer } from 'node:http'
await new Promise((resolve) => setTimeout(resolve, 10))
createServer((request, answer) => answer.end(`${process.pid}\n`)).listen(process.env.PORT)
