// Datagrams, udp4 or udp6.
'use strict'
const socket = require('dgram').createSocket(process.env.FAMILY)
socket.on('message', (m, from) => socket.send(`${process.pid}\n`, from.port, from.address))
socket.bind(+process.env.PORT, process.env.FAMILY === 'udp6' ? '::1' : '127.0.0.1')
