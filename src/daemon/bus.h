/* SPDX-License-Identifier: MIT
 * The event bus: pub.sock. Every event goes to every subscriber; nothing is built when there is
 * none. For one that does not read, LIMIT_SUB_OUT_BYTES are kept, and what comes then is left out.
 * When it has read those it is told how many events it has missed (`pm2:gap`), and gets the next
 * ones. */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"

struct bus;

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
