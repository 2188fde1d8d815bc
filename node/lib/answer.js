// SPDX-License-Identifier: MIT
// How a call answers: by a callback, by a promise, or to nobody.
'use strict'

// The values of a callback after its first; a promise gets the first of them.
class Values extends Array {}

// A failure that has something to tell beside the error: what a callback gets as its arguments.
class Failure extends Error {
  constructor(error, ...rest) {
    super()
    this.args = [error, ...rest]
  }
}

// A callback is called once, from the top of the event loop: what it throws is an uncaught
// exception of the caller, and no business of ours. Without one the result is a promise; nobody has
// to look at it.
function answer(work, cb) {
  if (typeof cb === 'function') {
    work.then(
      (value) => later(cb, null, ...(value instanceof Values ? value : [value])),
      (error) => later(cb, ...(error instanceof Failure ? error.args : [error]))
    )
    return undefined
  }
  const promise = work.then(
    (value) => (value instanceof Values ? value[0] : value),
    (error) => { throw error instanceof Failure ? promised(error) : error }
  )
  promise.catch(() => {})
  return promise
}

function later(cb, ...args) {
  setImmediate(() => cb(...args))
}

// PM2 gives an array of errors where several scripts failed; a promise should reject with an Error.
function promised({ args: [error, results] }) {
  if (!Array.isArray(error)) return error
  const joined = new AggregateError(error, error.map((one) => one.message).join('; '))
  return Object.assign(joined, { results })
}

// The callback of a call whose other arguments may be left out.
const lastFunction = (...values) => values.find((value) => typeof value === 'function')

module.exports = { answer, Failure, lastFunction, Values }
