/* SPDX-License-Identifier: MIT
 * Tickets and their matching. Knows nothing of sockets, time, and what the methods do. */
#include "calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "wire/rpc.h"

#define TICKET_BYTES 32

void calls_init(struct calls *c)
{
    list_init(&c->waiting);
    c->last_ticket = 0;
}

/* PM2's clients name their calls so; the daemon only echoes it. */
static struct str ticket_text(int ticket, char *text)
{
    int n = snprintf(text, TICKET_BYTES, "%d:%d", (int)getpid(), ticket);
    return (struct str){text, (size_t)n};
}

static int ticket_of(struct str id)
{
    const char *colon = id.n > 0 ? memchr(id.p, ':', id.n) : NULL;
    long long ticket;
    if (!colon)
        return -1;
    struct str number = {colon + 1, id.n - (size_t)(colon + 1 - id.p)};
    return str_to_int(number, &ticket) && ticket > 0 && ticket <= INT32_MAX ? (int)ticket : -1;
}

int calls_add(struct calls *c, struct waiter *w, const char *method, struct str args,
              struct buf *out)
{
    char text[TICKET_BYTES];
    size_t before = out->len;
    int ticket = c->last_ticket == INT32_MAX ? 1 : c->last_ticket + 1;
    rpc_request_write(out, method, args, ticket_text(ticket, text));
    if (buf_oom(out)) {
        /* What was queued before is whole, and goes on. */
        buf_truncate(out, before);
        out->oom = false;
        return -ENOMEM;
    }
    c->last_ticket = ticket;
    w->ticket = ticket;
    list_add_tail(&c->waiting, &w->link);
    return ticket;
}

struct waiter *calls_match(struct calls *c, const struct amp_msg *m)
{
    struct str id = {NULL, 0};
    if (m->argc > 0)
        (void)amp_arg(m->argv[m->argc - 1], &id);
    int ticket = ticket_of(id);
    list_for_each (it, &c->waiting) {
        struct waiter *w = LIST_ENTRY(it, struct waiter, link);
        if (w->ticket != ticket)
            continue;
        list_del(&w->link);
        return w;
    }
    return NULL;
}

void calls_forget(struct waiter *w)
{
    list_del(&w->link);
}

int calls_result(const struct amp_msg *m, struct str *ret, struct err *e)
{
    struct rpc_reply reply;
    int rc = rpc_reply_parse(m, &reply, e);
    if (rc < 0)
        return rc;
    *ret = reply.value.n > 0 ? reply.value : STR("null");
    if (reply.error)
        rc = err_set(e, -EREMOTEIO, "%s", reply.error);
    rpc_reply_fini(&reply);
    return rc;
}
