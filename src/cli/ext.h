/* SPDX-License-Identifier: MIT
 * --ext: watching files with some extensions only. */
#pragma once

#include <jansson.h>

struct cli;

/* Narrow the folders of options.watch (true and an empty list: the app's folder) to the files whose
 * names end in one of `extensions` ("js,json"). PM2 ignores the others that exist at that time, one
 * by one; patterns mean those of later, too. */
void ext_apply(struct cli *cli, json_t *options, const char *extensions);
