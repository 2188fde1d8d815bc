/* SPDX-License-Identifier: MIT
 * What a word behind `pm2 install` means. Pure.
 *
 *   .                              the folder we are in, as it is being developed
 *   ./x  ../x  /x  ~/x  file:x     a folder or a tarball of this machine
 *   x.tgz  x.tar.gz                a tarball of this machine
 *   anything else                  npm's to understand: name@version, user/repo, git and URL */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum module_kind { MODULE_HERE, MODULE_PATH, MODULE_NPM };

enum module_kind module_word_kind(const char *word);

/* Append the path of a MODULE_PATH word, absolute. */
void module_word_path(const char *word, const char *cwd, const char *home, struct buf *ret);

/* Append the name that the word lets expect; the module's own package.json has the last word. */
void module_word_name(const char *word, struct buf *ret);

/* True for what a module may be called: it becomes a folder ("name", "@scope/name"). */
bool module_name_ok(const char *name);
