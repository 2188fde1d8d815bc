/* SPDX-License-Identifier: MIT
 * What a client is made of, for the two faces in this folder. */
#pragma once

#include "base/buf.h"
#include "client/calls.h"
#include "client/client.h"
#include "client/conn.h"

struct client {
    struct conn rpc, sub;
    char *home, *rpc_path, *pub_path, *log_dir, *pid_dir, *module_dir, *module_conf, *pid_file,
        *log_file, *keeper_path;
    int timeout_ms;
    bool launched;
    int daemon_pidfd, keeper_pidfd; /* -1 = not known */
    struct calls calls;
    struct list pending; /* of the blocking face */
    struct buf last;     /* what the borrowed result lies in, when it came early */
};

/* Not connected; NULL when out of memory. To be freed with client_free(). */
struct client *client_new(const struct client_options *o);

/* Once connected: find the processes whose end client_wait_gone() waits for. They are noted then,
 * because pm2.pid is gone when the daemon is, and its number may be another's by that time. */
void client_note_processes(struct client *c);

/* client_subscribe() that does not wait: -ETIMEDOUT when the daemon takes no connection just now.
 * There must be no subscription. */
int client_subscribe_try(struct client *c, struct err *e);
