'use strict'
const app = require('express')()
app.get('/', (request, response) => response.send(`${process.pid}\n`))
app.listen(+process.env.PORT)
