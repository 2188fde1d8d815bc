/* SPDX-License-Identifier: MIT
 * Signals by their names. */
#include "os/signals.h"

#include <signal.h>
#include <string.h>

int signal_by_name(const char *name)
{
    if (strncmp(name, "SIG", 3) == 0)
        name += 3;
    for (int s = 1; s < NSIG; s++) {
        const char *known = sigabbrev_np(s);
        if (known && strcmp(known, name) == 0)
            return s;
    }
    return 0;
}
