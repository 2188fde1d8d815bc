/* SPDX-License-Identifier: MIT
 * Values that are not to be in lists, journal and answers, and that nothing else keeps: the folder
 * PM2_HOME/secrets (0700), a file (0600) for each, NAME.ID. Runs in pm2d.
 *
 * Before a configuration is used, values become references to such files: all that the setting
 * pm2:secrets names, and all that were handed over as secrets (secret:value:). ID comes from the
 * value and a random key of this home, so that the same value has the same name, and nobody can try
 * values against it. */
#pragma once

#include <jansson.h>

#include "app/paths.h"
#include "base/err.h"

struct proc_env;

/* Edits `conf` in place; variables that it shares with others are copied first. What cannot be
 * stored is said in the log; its value is dropped nevertheless, and the start names the missing
 * file. */
void secret_seal(const struct proc_env *env, json_t *conf);

/* In libuv's pool, before a list is saved: make durable what it may refer to. 0 or -errno. */
int secret_store_sync(const struct pm2_paths *paths, struct err *e);
/* In libuv's pool, after it: remove what neither the lists nor the journal mention. */
void secret_store_sweep(const struct pm2_paths *paths);
