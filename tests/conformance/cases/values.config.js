module.exports = {apps: [{name: 'a', script: 'app.sh', env: {
  UNDEFINED: undefined, FUNCTION() {}, DATE: new Date(0), NAN: NaN, INFINITY: Infinity, REGEX: /x/,
}}]}
