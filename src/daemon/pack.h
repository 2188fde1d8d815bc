/* SPDX-License-Identifier: MIT
 * Compression of one file into another one beside it. Blocks: for threads. */
#pragma once

#include <stdbool.h>

#include "app/log_policy.h"

/* NAME in `folder` (a descriptor) becomes NAME.gz or NAME.zst, with its mode and time; its index
 * goes along. The new file has its name only when it is complete, so a death on the way leaves the
 * old one. -ECANCELED when `stop` became true; 0 or -errno otherwise, the old file intact. */
int pack_file(int folder, const char *name, enum log_compress how, const _Atomic bool *stop);
