/* SPDX-License-Identifier: MIT
 * Texts about commands, made from their entries. Each appends to `out`. */
#pragma once

#include "base/buf.h"
#include "cli/cmd.h"

void help_usage(struct buf *out); /* the short one */
void help_all(struct buf *out);
void help_command(const struct cmd *cmd, struct buf *out);
/* All commands and options as JSON: completion, man pages and tests read it. */
void help_dump(struct buf *out);
