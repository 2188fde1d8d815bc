/* SPDX-License-Identifier: MIT
 * Getting a module's files, from npm or from an archive, into a staging folder. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cli/cli.h"

struct module_fetch {
    struct cli *cli;
    const char *word;  /* as the user wrote it, or as npm noted it */
    bool is_tar;       /* an archive that `pm2 package` made: `module/` is its top */
    struct buf stage;  /* the folder to put into place */
    struct buf root;   /* the folder to remove in the end; the same, but for archives */
    struct buf source; /* where an archive was */
    char *name;        /* the module's own, owned */
    json_t *package;   /* owned */
};

/* True for a file of this machine that may be an archive of `pm2 package`. */
bool module_fetch_is_archive(const char *word);

/* 0, or negative with `e`: nothing is left behind then. `name`: what the word lets expect. In both
 * cases to be followed by module_fetch_fini(), which removes what is still staged. */
int module_fetch(struct module_fetch *f, const char *name, struct err *e);
void module_fetch_fini(struct module_fetch *f);
