/* SPDX-License-Identifier: MIT
 * What a process that could not be started wrote last. */
#pragma once

#include <jansson.h>

#include "cli/cli.h"

/* On stderr: the last lines of the error log of the process `id`, or of its other log where that is
 * empty. Nothing when there is none. */
void last_words_tell(struct cli *cli, const json_t *id);
