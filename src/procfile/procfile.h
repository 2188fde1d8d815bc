/* SPDX-License-Identifier: MIT
 * Process files: ecosystem.config.js, .cjs, .mjs, .json (also JSON5 forms and JavaScript), .yaml,
 * .yml, package.json-like wrappers, standard input. From a file to the list of apps as the user
 * wrote it; nothing here knows attributes. Runs in clients (CLI, libpm2), never in pm2d: JavaScript
 * is evaluated by the user's own node, in a child process with a time limit. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* PM2's rule: the text has ".json", ".yml", ".yaml", ".config.js", ".config.cjs" or ".config.mjs"
 * anywhere, first match in this order; or is "-" (standard input). */
enum procfile_kind {
    PROCFILE_NONE,
    PROCFILE_STDIN,
    PROCFILE_JSON,
    PROCFILE_YAML,
    PROCFILE_JS,
};
enum procfile_kind procfile_kind(const char *target);

/* How long a JavaScript file may take, in ms (PM2_CONFIG_TIMEOUT overrides, seconds). */
#define PROCFILE_JS_TIMEOUT_MS 30000

struct procfile {
    char *path;    /* absolute; NULL for standard input */
    json_t *apps;  /* array of what was written; elements need not be objects */
    char *apps_at; /* where the list is in the file: "apps", "pm2" or "" (a bare array or object) */
    json_t *lines; /* object "apps[2].instances" -> line; NULL when unknown (JavaScript). The paths
                      begin with "apps[N]" whatever apps_at is, also for a single object (0) */
    struct buf later; /* JSON that has been read without its lines; else empty */
    json_t *deploy;   /* as written; NULL */
    json_t *statics;  /* `static` as written; NULL */
};

/* Read `target` relative to `cwd`. 0, or negative with `e`, the text for the user:
 *   -ENOENT  "File X not found"         -EISDIR, -EINVAL (FIFO, device), -EFBIG
 *   -EPROTO  "File X malformated" and, behind ": ", why with line and column
 *   -ETIMEDOUT, -ENOEXEC (no node in PATH), -ENOMEM, and what open(2) said: -EACCES ...
 * X is the target as given; standard input is "Standard input" instead of "File X".
 * What a JavaScript file prints goes to our stderr; its exception's text comes in `e`.
 *
 * How each kind is read:
 * - JSON and standard input: JSON5 (json/json5.h), with lines. What is not JSON5 may be a
 *   JavaScript expression, as PM2 has it, and goes to node; when node refuses it, too, or there is
 *   no node, the JSON5 reader's complaint is the text. Standard input is read to its end.
 * - YAML: as js-yaml 4 loads it, with lines (procfile/yaml.h).
 * - JavaScript: require() of the file, import() of an ES module. A promise is awaited, a function
 *   called without arguments and its result awaited; the same for `apps` and `pm2` inside. Of an ES
 *   module the named exports count when `apps` or `pm2` is among them, else the default export.
 *   The result arrives as JSON.stringify has it. node's cwd is `cwd`, its environment ours.
 * `apps`, `pm2`, or the root is the list; a single object is a list of one. */
int procfile_read(const char *target, const char *cwd, struct procfile *ret, struct err *e);
/* The same, but the lines of JSON, which take as long as all else, are left for
 * procfile_find_lines(): for who needs them only when there is something to say. */
int procfile_read_lazily(const char *target, const char *cwd, struct procfile *ret, struct err *e);
/* The lines that were left, if any. 0 or -ENOMEM. */
int procfile_find_lines(struct procfile *f);
void procfile_fini(struct procfile *f);

/* The line of `path` ("apps[2].env.PORT") or, when it has none, of what is nearest around it; 0 =
 * unknown. */
long procfile_line(const struct procfile *f, const char *path);
