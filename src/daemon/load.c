/* SPDX-License-Identifier: MIT
 * How many connections each worker holds (balance: least-connections). Runs in pm2d.
 *
 * A connection that a worker has accepted is out of our hands: only the kernel knows when it ends.
 * It is asked while connections come, at most ten times in a second and never for more than a
 * twentieth of the time; in between, what was handed out is added. Where it cannot be asked all
 * count as equal, which is round robin. */
#include <stdlib.h>

#include "base/log.h"
#include "os/clock.h"
#include "os/sockdiag.h"
#include "primary_priv.h"

#define PAUSE_MS      100
#define PAUSE_FACTOR  20
#define FAIL_PAUSE_MS 60000

static ssize_t list_open(const struct gate *g, struct sockdiag_socket **ret)
{
    const struct listener *l = &g->slots[0]->socket;
    struct listener_name name;
    struct sockdiag_query q = {.open = true, .unix_path = l->path};
    int rc = listener_name(l, &name);
    if (rc < 0)
        return rc;
    q.with_unix = l->path != NULL;
    q.tcp = !q.with_unix;
    q.port = (uint16_t)name.port;
    return sockdiag_list(&q, ret);
}

static void count_for(struct claim *c, struct sockdiag_socket *sockets, size_t count)
{
    c->load = c->worker->carried != NULL; /* it may have it, or not yet */
    c->load += sockdiag_owners(sockets, count, &c->worker->run->pid, 1);
}

static void count_all(struct gate *g)
{
    struct sockdiag_socket *sockets;
    struct primary *pr = g->owner;
    ssize_t count = list_open(g, &sockets);
    if (count < 0 && !pr->cannot_load)
        log_warn("%s: the kernel does not tell who has how many connections (%s); they are handed "
                 "out in turn",
                 g->key, err_text((int)count));
    pr->cannot_load = count < 0;
    for (size_t i = 0; i < g->claim_count; i++) {
        g->claims[i]->load = 0;
        if (count > 0 && g->claims[i]->worker)
            count_for(g->claims[i], sockets, (size_t)count);
    }
    if (count > 0)
        free(sockets);
}

void load_refresh(struct gate *g)
{
    int64_t begin_ms = clock_mono_ms();
    if (begin_ms < g->load_due_ms)
        return;
    count_all(g);
    int64_t end_ms = clock_mono_ms();
    int64_t pause_ms = (end_ms - begin_ms + 1) * PAUSE_FACTOR;
    g->load_due_ms = end_ms + (pause_ms > PAUSE_MS ? pause_ms : PAUSE_MS);
    if (g->owner->cannot_load)
        g->load_due_ms = end_ms + FAIL_PAUSE_MS;
}
