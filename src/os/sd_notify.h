/* SPDX-License-Identifier: MIT
 * A word to the service manager that started this program, as sd_notify(3) has it. */
#pragma once

#include "base/err.h"

/* Send `text` ("READY=1\n...") to the socket whose address is `address` (the value of
 * NOTIFY_SOCKET): a path, or @name. 0 or -errno with `e`. Waits for nobody. */
int sd_notify_send(const char *address, const char *text, struct err *e);
