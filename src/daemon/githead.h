/* SPDX-License-Identifier: MIT
 * Which commit a folder has checked out, for the history: read from git's files, without git. */
#pragma once

#include <stddef.h>

#define GITHEAD_BYTES 13 /* 12 digits of the commit and a NUL */

/* The commit of the work tree that `folder` is in; empty when there is none, or git keeps it in a
 * form that is not read here. */
void githead_find(const char *folder, char ret[GITHEAD_BYTES]);
