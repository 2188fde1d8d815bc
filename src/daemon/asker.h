/* SPDX-License-Identifier: MIT
 * Who gave an order: what /proc says of the process at the other end of rpc.sock. */
#pragma once

#include "history.h"
#include "json/write.h"

/* Members uid, pid and, where they can be found out, tty, program and login. */
void asker_write(struct jw *w, const struct asker *a);
