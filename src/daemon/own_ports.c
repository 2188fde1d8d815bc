/* SPDX-License-Identifier: MIT
 * Which ports a process has. Runs in pm2d. */
#include "own_ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "os/port.h"
#include "os/procfs.h"
#include "os/sockdiag.h"
#include "proc.h"
#include "tree.h"

static bool has(const struct own_ports *ports, int family, uint16_t port)
{
    for (size_t i = 0; i < ports->count; i++)
        if (ports->items[i].family == family && ports->items[i].port == port)
            return true;
    return false;
}

void own_ports_find(struct proc *p, struct own_ports *ret)
{
    const struct sockdiag_query q = {.tcp = true, .listening = true};
    struct sockdiag_socket *sockets = NULL;
    pid_t pids[LIMIT_TREE_PIDS];
    ret->count = 0;
    int pid_count = tree_pids(p, pids, LIMIT_TREE_PIDS);
    ssize_t n = pid_count > 0 ? sockdiag_list(&q, &sockets) : 0;
    if (n > 0)
        (void)sockdiag_owners(sockets, (size_t)n, pids, (size_t)pid_count);
    for (ssize_t i = 0; i < n && ret->count < OWN_PORTS_MAX; i++) {
        const struct sockdiag_socket *s = &sockets[i];
        if (s->pid && !has(ret, s->family, s->port))
            ret->items[ret->count++] = (struct own_port){s->family, s->port};
    }
    free(sockets);
}

bool own_ports_are_shareable(const struct proc *p, const struct own_ports *ports)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%d", (int)proc_pid(p));
    if (ports->count == 0 || stat(path, &st) < 0)
        return false;
    for (size_t i = 0; i < ports->count; i++)
        if (!port_is_shareable(ports->items[i].family, ports->items[i].port, st.st_uid))
            return false;
    return true;
}

unsigned own_ports_lacking(const struct own_ports *have, const struct own_ports *wanted)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (!has(have, wanted->items[i].family, wanted->items[i].port))
            return wanted->items[i].port;
    return 0;
}
