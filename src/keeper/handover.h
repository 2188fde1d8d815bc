/* SPDX-License-Identifier: MIT
 * The keeper's own replacement, while apps run: it executes the program that lies on the disk now,
 * in its own process, so that its children stay its children. What it keeps goes along: descriptors
 * as they are, and their meaning in a sealed memfd, the state.
 *
 * First the programs on the disk are asked whether they can go on from here:
 *
 *     pm2-keeper --check-state 3          fd 3: a copy of the state
 *     pm2d --home HOME --check-state      reads the head of the journal
 *
 * Exit code 0, or a line on stderr that says why not; then nothing has happened. If they can, pm2d
 * is told to end, and in the place of starting it again the keeper executes
 *
 *     pm2-keeper --state-fd N (its options of before)
 *
 * which starts pm2d. Exits meanwhile lose nothing: the signal is blocked all the way, zombies stay.
 *
 * The state is native byte order, positional, made of the fields of keeperlink: magic, version,
 * then what handover.c writes in `put_state`. A later version may append fields behind those of an
 * older one, whose readers ignore what they don't know; then the version stays. It is raised when
 * an older reader must not take the state, and a reader takes all versions up to its own. */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct keeper;

#define HANDOVER_VERSION 1

/* Are there programs in `folder` (absolute; empty: the folder of our own) that can go on from here?
 * Waits for their answers, 3 s each at most. 0, and they are remembered; or -errno with `e`. */
int handover_prepare(struct keeper *k, struct str folder, struct err *e);
/* Become the program that handover_prepare() has found. pm2d must not run. Returns only when that
 * did not work: -errno with `e`, and nothing has changed. */
int handover_exec(struct keeper *k, struct err *e);

/* The state of `k`, as a sealed memfd. fd or -errno. */
int handover_write(const struct keeper *k);
/* Can this program read that state? Its descriptors need not be there. 0 or -errno with `e`. */
int handover_verify(int fd, struct err *e);
/* Fill `k`, which is fresh from keeper_init(), and close the state. 0 or -errno with `e`. */
int handover_take(int take_fd, struct keeper *k, struct err *e);
