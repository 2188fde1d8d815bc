/* SPDX-License-Identifier: MIT
 * The settings of `pm2 set` as pm2d uses them: read at each start. */
#pragma once

#include <jansson.h>

#include "app/paths.h"

/* What module_conf.json holds: an object, owned; NULL when there is no file. 0, or -errno when it
 * is broken, which the log says. */
int settings_file_get(const struct pm2_paths *paths, json_t **ret);
/* What module_conf.json holds. New reference; NULL when the file is missing or broken; a broken one
 * is named in the log. */
json_t *settings_file_read(const struct pm2_paths *paths);
/* Put what the settings (NULL = none) hold for the app of this conf into its environment. */
void settings_file_apply(const json_t *settings, json_t *conf);
