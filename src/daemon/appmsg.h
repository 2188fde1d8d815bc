/* SPDX-License-Identifier: MIT
 * What apps say on their channel: ready, hello, axm:* and everything else. */
#pragma once

#include <jansson.h>

#include "base/str.h"
#include "proc.h"

void appmsg_take(struct proc *p, const json_t *value, struct str line);
