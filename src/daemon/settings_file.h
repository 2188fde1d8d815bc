/* SPDX-License-Identifier: MIT
 * The settings of `pm2 set` as pm2d uses them: read at each start. */
#pragma once

#include <jansson.h>

#include "app/paths.h"

/* Put what module_conf.json holds for the app of this conf into its environment. A file that is
 * missing or broken changes nothing; a broken one is named in the log. */
void settings_file_apply(const struct pm2_paths *paths, json_t *conf);
