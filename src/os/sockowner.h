/* SPDX-License-Identifier: MIT
 * Who listens on an address that somebody else wants; for the text of an error. Walks /proc: some
 * milliseconds, so not for every day. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sockowner {
    pid_t pid;
    char command[32]; /* as /proc/PID/comm has it */
    uint32_t uid;
};

/* Of a TCP port, or of the UNIX socket with this path (then `port` is 0; else `path` is NULL).
 * False: nobody listens there, or we must not look into the process that does. */
bool sockowner_find(uint16_t port, const char *path, struct sockowner *ret);
