/* SPDX-License-Identifier: MIT
 * The event bus: pub.sock. Every event goes to every subscriber; nothing is built when there is
 * none. What one turn of the loop brings is written at its end. Who asks for it gets the number of
 * each event.
 *
 * For a subscriber that does not read, LIMIT_SUB_OUT_BYTES are kept, or one event, and what comes
 * then is left out. When it has read those it is told how many events it has missed (`pm2:gap`),
 * and gets the next ones. So that one that reads, only not as fast as apps talk, misses none,
 * sources of many events pause while it is behind. One that takes nothing for LIMIT_SUB_WAIT_MS is
 * not waited for until it does. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"

struct bus;

/* A source of events that pauses. Embedded in its owner. */
struct bus_pause {
    struct list link;
    bool is_on;
    void (*go_on)(void *ctx);
    void *ctx;
};

struct bus *bus_new(uv_loop_t *loop);
int bus_listen(struct bus *b, const char *path, struct err *e);
/* Stop listening, unlink the socket, close subscribers (after what they were sent is written, as
 * far as the kernel takes it at once). Idempotent. */
void bus_close(struct bus *b);
void bus_free(struct bus *b); /* after the loop has run the close callbacks */

/* Somebody listens: guard the building of payloads with it. */
bool bus_wants(const struct bus *b);

/* Build one event: between begin and end the caller appends the JSON payload to the buffer that
 * begin returns. Never calls back. */
struct buf *bus_begin(struct bus *b, struct str topic);
void bus_end(struct bus *b);

/* Ask for leave to make more events. True: not now; `p->go_on(p->ctx)` will be called once, from
 * the loop. */
bool bus_pause(struct bus *b, struct bus_pause *p);
/* It will not be called any more. Idempotent. */
void bus_pause_end(struct bus_pause *p);
