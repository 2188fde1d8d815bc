/* SPDX-License-Identifier: MIT
 * The settings that `pm2 set` keeps in module_conf.json: a tree of texts. Pure.
 *
 *   pm2 set top 7            {"top": "7"}
 *   pm2 set api:PORT 80      {"api": {"PORT": "80"}}        ":" and "." both nest
 *   pm2 set 'x."a.b".c' 5    {"x": {"a.b": {"c": "5"}}}     quotes protect them
 *
 * What lies below the name of an app or module is its own: each text becomes a variable of its
 * environment, and the whole a variable that is called like the app. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/* The parts of a key. Array of strings, new reference; NULL with `e` (empty part, open quote). */
json_t *settings_path(const char *key, struct err *e);

/* Store `value` (NULL: remove) at a path; what stands in the way and is no object is replaced.
 * 0 or -ENOMEM. Removing what is not there is fine. */
int settings_put(json_t *root, const json_t *path, const char *value);

/* The value at a path, borrowed; NULL when there is none. */
json_t *settings_get(const json_t *root, const json_t *path);

/* Put the settings of the app `name` into its environment. True when there are any. */
bool settings_to_env(const json_t *root, const char *name, json_t *env);
