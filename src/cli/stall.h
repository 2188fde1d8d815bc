/* SPDX-License-Identifier: MIT
 * What the kernel shows of a process that is there and gets nothing done: it stands still, waits
 * for a disk, computes without a pause. Reads /proc; takes a third of a second. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/* "NAME (pid N)" */
void stall_add_program(struct buf *out, pid_t pid);

/* What holds a process up, by its state in all of several looks ('?': it changed), and by where in
 * the kernel it waits ("": not told). NULL when nothing does. Pure. */
const char *stall_word(char state, const char *wait_channel);

/* Append what holds up the first process of the session of `root` of which something is seen, in
 * words; false when nothing is. */
bool stall_look(struct buf *out, pid_t root);
