'use strict'
const app = require('fastify')()
app.get('/', (request, reply) => reply.send(`${process.pid}\n`))
app.listen({ port: +process.env.PORT, host: '127.0.0.1' })
