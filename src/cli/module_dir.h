/* SPDX-License-Identifier: MIT
 * The folders of modules.
 *
 *   modules/NAME/node_modules/NAME   from npm: modules/NAME is npm's prefix
 *   modules/NAME                     from an archive that `pm2 package` made
 *   modules/.staging                 where one is made ready; it changes places with the old one in
 *                                    one step, so that a failure or a crash leaves a whole module
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* Append the folder that has the package.json. */
void module_dir_package(const char *modules, const char *name, bool is_tar, struct buf *ret);

/* An empty folder below `modules`; of a module with a scope as deep as its place will be, because
 * npm links local folders by relative paths. 0 or -errno with `e`. */
int module_dir_stage(const char *modules, const char *name, struct buf *ret, struct err *e);

/* Put the staged folder in its place; what was there is in the staging folder then (*ret_had), and
 * the same call puts it back. 0 or -errno with `e`, nothing changed. */
int module_dir_swap(const char *stage, const char *modules, const char *name, bool *ret_had,
                    struct err *e);

/* Remove a folder and all in it; links are not followed. One that is not there is fine. */
int module_dir_remove(const char *path, struct err *e);

/* The package.json of a folder. New reference, NULL with `e`. */
json_t *module_dir_read(const char *folder, struct err *e);
