/* SPDX-License-Identifier: MIT
 * The real world behind app/world.h. */
#pragma once

#include "app/world.h"

/* Fills `w`; strings live as long as the process. */
void world_init(struct app_world *w);
