/* SPDX-License-Identifier: MIT
 * The request/reply server on rpc.sock: connections, framing, caps, peer check. Hands each request
 * to one function and writes the replies, in whatever order they come.
 *
 * Calls outlive their connection: a reply to a vanished peer is dropped. Execution starts in the
 * order of the requests of a connection (PM2's clients rely on it). */
#pragma once

#include <sys/types.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/rpc.h"

struct server;
struct call; /* one request that has not been answered yet */

/* Takes the call: must end in exactly one of call_end, call_fail, call_drop; now or later. */
typedef void server_handle_fn(void *ctx, struct call *c, const struct rpc_request *rq);

struct server *server_new(uv_loop_t *loop, server_handle_fn *handle, void *ctx);
int server_listen(struct server *s, const char *path, struct err *e);
/* Stop listening, unlink the socket, close the connections. Idempotent. */
void server_close(struct server *s);
void server_free(struct server *s); /* after the loop has run the close callbacks */

/* Answer: append the body's JSON to the buffer, then call_end. Only one call may be open at a time
 * (no nesting between call_begin and call_end). */
struct buf *call_begin(struct call *c);
void call_end(struct call *c);
void call_fail(struct call *c, const char *text);
/* The same for a call that reached no method. */
void call_refuse(struct call *c, const char *text);
/* {"args":[value]} in one go. */
void call_value(struct call *c, struct str json);
/* Who asks. */
void call_peer(const struct call *c, uid_t *ret_uid, pid_t *ret_pid);
/* Have `fn` called once when the connection of this call is closed, by whomever. */
void call_on_close(struct call *c, void (*fn)(void *ctx), void *ctx);
/* Never answer (killMe and notifyKillPM2 of PM2). */
void call_drop(struct call *c);
