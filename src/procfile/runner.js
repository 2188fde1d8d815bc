// SPDX-License-Identifier: MIT
// Evaluates a process file in the user's node, for js.c: `node -e RUNNER -- KIND PATH`. KIND "file"
// loads PATH as a module; "expression" evaluates the text on fd 0, which PATH only names. The
// result goes to fd 3 as one line of JSON: {"value": ...} or {"error": "text", "syntax": true|false}.
'use strict';

const { spawnSync } = require('child_process');
const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');
const { types } = require('util');
const vm = require('vm');

const [kind, file] = process.argv.slice(1);
const exit = process.exit;
let isDone = false;

function finish(result) {
  if (isDone)
    return;
  const data = Buffer.from(JSON.stringify(result) + '\n');
  isDone = true;
  for (let at = 0; at < data.length;)
    at += fs.writeSync(3, data, at);
}

// "line 3 column 9" in the file itself, else the place nearest to it in the user's own code.
function placeOf(stack) {
  for (const name of [file, pathToFileURL(file).href]) {
    const at = stack.indexOf(name + ':');
    const found = at >= 0 && /^(\d+)(?::(\d+))?/.exec(stack.slice(at + name.length + 1));
    if (found)
      return `line ${found[1]}` + (found[2] ? ` column ${found[2]}: ` : ': ');
  }
  const other = /(?:^|[\s(])((?:file:\/\/)?\/[^\s()]+:\d+(?::\d+)?)/.exec(stack);
  return other ? other[1] + ': ' : '';
}

// Of a SyntaxError in an ES module only node itself can tell the place.
function checkSyntax() {
  const stdio = ['ignore', 'ignore', 'pipe'];
  return spawnSync(process.execPath, ['--check', file], { encoding: 'utf8', stdio }).stderr;
}

function fail(error) {
  const stack = error && typeof error.stack === 'string' ? error.stack : '';
  const syntax = types.isNativeError(error) && error.name === 'SyntaxError';
  const place = placeOf(stack) || (syntax && kind === 'file' ? placeOf(checkSyntax()) : '');
  finish({ error: place + String(error).split('\n')[0], syntax });
  exit(0);
}

// What `require` refuses because it is an ES module, `import` loads.
function load() {
  if (path.extname(file) === '.mjs')
    return import(pathToFileURL(file).href);
  try {
    return require(file);
  } catch (error) {
    const isModule = error && ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error.code);
    if (!isModule || !String(error.message).includes(path.basename(file)))
      throw error;
    return import(pathToFileURL(file).href);
  }
}

function exportOf(module) {
  const isNamespace = types.isModuleNamespaceObject(module);
  if (!isNamespace && !(module && module.__esModule))
    return module;
  if (module.apps || module.pm2 || !('default' in module)) {
    const { default: unused, ...named } = module;
    return named;
  }
  return module.default;
}

const isPending = (value) =>
  typeof value === 'function' || Boolean(value && typeof value.then === 'function');

async function settle(value) {
  for (let i = 0; i < 4 && isPending(value); i++)
    value = await (typeof value === 'function' ? value() : value);
  return value;
}

async function main() {
  process.argv.splice(1, process.argv.length, file);
  let value;
  if (kind === 'expression')
    value = vm.runInThisContext(`(${fs.readFileSync(0, 'utf8')}\n)`,
                                { filename: file, columnOffset: -1 });
  else
    value = exportOf(await load());
  value = await settle(value);
  for (const key of ['apps', 'pm2'])
    if (value && !Array.isArray(value) && isPending(value[key]))
      value = { ...value, [key]: await settle(value[key]) };
  finish({ value });
  exit(0); // whatever the file left open: timers, connections
}

process.on('uncaughtException', fail);
process.on('beforeExit', () => fail('its promise is never settled'));
process.on('exit', (code) => finish({ error: `it ends node itself, with code ${code}` }));
main().catch(fail);
