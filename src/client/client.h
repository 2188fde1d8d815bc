/* SPDX-License-Identifier: MIT
 * The client core under libpm2 and the CLI: find or launch the daemon, call, subscribe. Blocking;
 * each wait has a deadline. One struct client is one user of one PM2_HOME; not thread-safe. The
 * callback face (lib_async.c) is built on the same parts: connect.h, calls.h, conn.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/rpc.h"

struct client;

enum client_flags {
    CLIENT_LAUNCH = 1, /* start a daemon when none runs; else -ENOENT "no daemon" */
};

struct client_options {
    const char *home;     /* absolute PM2_HOME */
    const char *rpc_path; /* socket paths; NULL = home/rpc.sock, home/pub.sock */
    const char *pub_path;
    const char *keeper_path; /* pm2-keeper; NULL = beside the calling program's real path */
    /* The rest of the home, for users who moved parts of it; NULL = PM2's names under `home`. */
    const char *log_dir, *pid_dir, *module_dir, *module_conf, *pid_file, *log_file;
    int flags;
    int timeout_ms; /* for connect and launch; 0 = 10000 */
};

/* Connect (and launch). New client in *ret, or -errno with a text that says what to do. Takes care
 * of: stale sockets, a foreign listener, over-long path, unwritable home, another uid's socket,
 * 50 launches at once (exactly one daemon results). -ENOENT: no daemon runs, and none was wanted.
 * -EACCES: the socket is not ours. The strings of `o` are borrowed for the call. */
int client_connect(const struct client_options *o, struct client **ret, struct err *e);
void client_free(struct client *c);
/* True when this call launched the daemon. */
bool client_launched(const struct client *c);

/* pid of the process that listens on rpc.sock, as the kernel says. */
int client_daemon_pid(const struct client *c);

/* Call `method` with the JSON text of its argument array. On success *ret is the JSON text of
 * args[0] ("null" when there is none), borrowed until the next call. timeout_ms 0 = wait for ever.
 * -EREMOTEIO: the daemon answered an error, its text in `e`. -EPIPE: the daemon went away.
 * -ETIMEDOUT. */
int client_call(struct client *c, const char *method, struct str args, int timeout_ms,
                struct str *ret, struct err *e);

/* Pipelining: send returns a ticket (> 0); wait gets the reply of that ticket. */
int client_send(struct client *c, const char *method, struct str args, struct err *e);
int client_wait(struct client *c, int ticket, int timeout_ms, struct str *ret, struct err *e);

/* The pid of the keeper that holds this pid file, whether or not its daemon answers; -ESRCH. */
int client_lone_keeper(const char *pid_file);

/* Wait until the daemon is gone: the processes that listened on rpc.sock and that pm2.pid named
 * when this client connected have ended. 0, -ETIMEDOUT. */
int client_wait_gone(struct client *c, int timeout_ms, struct err *e);

/* Subscribe to the bus (second connection). 0 or -errno. Again: a new subscription replaces the old
 * one, what had not been read of that is lost. The daemon has taken the subscription in when the
 * next call() on this client has returned. */
int client_subscribe(struct client *c, struct err *e);
/* Have the events of this subscription numbered. 0 or -errno. */
int client_want_numbers(struct client *c, struct err *e);
/* Next event: 1 with `ret` borrowed until the next call, 0 at timeout (negative: none) or when
 * `extra_fd` (or -1) became readable, -EPIPE when the daemon went away. */
int client_event(struct client *c, int timeout_ms, int extra_fd, struct pub_event *ret,
                 struct err *e);
