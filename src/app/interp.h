/* SPDX-License-Identifier: MIT
 * Which program runs a script, and where a program lies. Pure: files come through app_world. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/world.h"
#include "base/err.h"

/* Where programs are looked for. Borrowed. */
struct interp_place {
    const char *path; /* value of PATH; NULL = the system's default */
    const char *cwd;  /* absolute; base of names with a slash */
};

/* Absolute path of the program `name`: an executable file in one of the folders of PATH, or the
 * file itself when `name` has a slash. To be freed; NULL when there is none. */
char *interp_find(const char *name, const struct interp_place *place, const struct app_world *w);

/* The first bytes of a file look like a program, not like text. */
bool interp_is_binary(const void *head, size_t n);

/* The interpreter of `script` (absolute; a file or a folder) when the user named none. "none" means
 * that the file executes itself.
 *
 *   .js node   .py python or python3   .sh bash   .rb ruby   .php php   .pl perl   .tsx bun
 *   .ts bun, without it node   .coffee coffee   .ls lsc
 *   folder: node, when it has an index.js or a package.json with "main"
 *   others: binary -> none; text that is executable and starts with "#!" -> none, unless that line
 *   names node; other text -> node. (PM2 gives every other text to node, so that a shell script
 *   without extension dies of a syntax error.)
 *
 * *ret is to be freed. *ret_node_arg is an argument that the interpreter needs (static), or NULL.
 * 0, or negative with `e`: unreadable script, or an interpreter that is absent. */
int interp_choose(const char *script, const struct interp_place *place, const struct app_world *w,
                  char **ret, const char **ret_node_arg, struct err *e);

/* Check an interpreter that the user named. *ret (to be freed) is what to execute from
 * place->cwd: `name`, or an absolute path when it lies relative to `caller_cwd` only. 0 or negative
 * with PM2's text. */
int interp_check(const char *name, const struct interp_place *place, const char *caller_cwd,
                 const struct app_world *w, char **ret, struct err *e);

/* Programs for which PM2 starts workers of a cluster when a number of instances is given. */
bool interp_can_cluster(const char *interpreter);
