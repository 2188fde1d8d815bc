/* SPDX-License-Identifier: MIT
 * pm2d's end of the keeper link: frames in and out over fd 3, as typed calls. Owns the socket.
 * Knows nothing of processes beyond their handles. */
#pragma once

#include <sys/types.h>
#include <uv.h>

#include "base/err.h"
#include "keeperlink/proto.h"

struct link;

/* What the keeper says. `fds` (LINK_FD_COUNT entries, -1 = absent) belong to the callee. Strings
 * are borrowed for the call. */
struct link_handler {
    void *ctx;
    void (*child)(void *ctx, const struct link_child *c, int *fds); /* answer to LIST */
    void (*spawned)(void *ctx, const struct link_child *c, int *fds);
    void (*spawn_failed)(void *ctx, uint64_t handle, int code, enum link_stage stage);
    void (*exited)(void *ctx, uint64_t handle, int wait_status, int64_t exit_ms);
    /* Answer to LIST: a descriptor that an earlier pm2d stored; the callee's. */
    void (*stored)(void *ctx, struct str name, int take_fd);
    void (*terminate)(void *ctx, int signo);
    void (*reopen)(void *ctx);
    /* Answer to link_update: why nothing is replaced; "": pm2d is to end, without link_quit. */
    void (*updating)(void *ctx, struct str refusal);
    void (*lost)(void *ctx); /* the keeper is gone */
};

/* Say HELLO and LIST on `fd` and wait for the end of the list (children go to handler->child). The
 * link is not yet on the loop: link_start() does that. NULL with `e` on failure. */
struct link *link_connect(int fd, const struct link_handler *handler, struct err *e);
int link_start(struct link *l, uv_loop_t *loop);
void link_stop(struct link *l); /* off the loop; the socket stays open */
/* Done with a link whose keeper is gone: close and free it, asynchronously. */
void link_discard(struct link *l);
void link_free(struct link *l); /* after the loop has run its close callbacks */

pid_t link_keeper_pid(const struct link *l);
unsigned link_version(const struct link *l); /* that both ends speak */
unsigned link_starts(const struct link *l);  /* how often the keeper has started a pm2d */

/* After `lost`: wait until the keeper has ended. Its end of the link closes a moment before its
 * children pass to their new parent; whoever looks for them must not look earlier. */
void link_await_end(const struct link *l);

/* What apps get from their keeper, for a successor: their umask and soft RLIMIT_NOFILE. */
void link_app_world(const struct link *l, uint32_t *ret_umask, uint64_t *ret_nofile);

/* Hand a process of the dead keeper to its successor, with the fds named by c->fd_mask (borrowed).
 * Waits until it is written. 0 or -errno. */
int link_adopt(struct link *l, const struct link_child *c, const int *fds);

/* Have the keeper hold a duplicate of `fd` for later pm2ds under this name. Waits until it is
 * written. 0 or -errno. */
int link_store(struct link *l, const char *name, int fd);
void link_unstore(struct link *l, const char *name);

/* With sockets for the child (borrowed; at most LIMIT_LINK_FDS). -EPROTONOSUPPORT: the keeper is of
 * a version that does not take any. */
int link_spawn(struct link *l, const struct link_spawn *s, const int *fds, unsigned n);
void link_forget(struct link *l, uint64_t handle);
void link_ready(struct link *l);
void link_fatal(struct link *l, const char *text);
void link_quit(struct link *l);
/* Replace keeper and pm2d by the programs in `folder` ("": the keeper's). Answered by `updating`.
 * 0, or -EPROTONOSUPPORT: the keeper is of a version that cannot. */
int link_update(struct link *l, const char *folder);
/* Write out what is queued, waiting if need be. */
void link_flush(struct link *l);
