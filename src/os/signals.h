/* SPDX-License-Identifier: MIT
 * Signals by their names. */
#pragma once

/* The number of "USR2" or "SIGUSR2"; 0 when there is no such signal. */
int signal_by_name(const char *name);
