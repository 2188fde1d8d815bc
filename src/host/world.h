/* SPDX-License-Identifier: MIT
 * The real machine behind app/world.h, for the programs that normalise confs: pm2d, and pm2 for
 * `check`. */
#pragma once

#include "app/world.h"

/* Fills `w`; strings live as long as the process. */
void world_init(struct app_world *w);
