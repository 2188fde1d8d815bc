/* SPDX-License-Identifier: MIT
 * TCP ports on which a process listens by itself: sockets that neither the primary nor `listen`
 * gave it. Asks the kernel and /proc: some milliseconds. Runs in pm2d. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OWN_PORTS_MAX 32

struct proc;

struct own_ports {
    size_t count;
    struct own_port {
        int family;
        uint16_t port;
    } items[OWN_PORTS_MAX]; /* more are not looked at */
};

/* Of the process and what it forked. */
void own_ports_find(struct proc *p, struct own_ports *ret);
/* There are some, and two generations can listen there: each has SO_REUSEPORT. */
bool own_ports_are_shareable(const struct proc *p, const struct own_ports *ports);
/* A port of `wanted` that is not among those of `have`; 0 = all are. */
unsigned own_ports_lacking(const struct own_ports *have, const struct own_ports *wanted);
