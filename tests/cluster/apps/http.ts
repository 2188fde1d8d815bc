// The same with types, which Node strips.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

interface Answer { who: number }

function answer(request: IncomingMessage, response: ServerResponse): void {
  const text: Answer = { who: process.pid }
  response.end(`${text.who as number}\n`)
}

createServer(answer).listen(Number(process.env.PORT))
