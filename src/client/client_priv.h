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
