/* SPDX-License-Identifier: MIT
 * Where things lie in PM2_HOME. Pure: the environment comes in. */
#pragma once

#include "base/err.h"

struct pm2_paths {
    char *home, *rpc_sock, *pub_sock, *pid_file, *log_file, *dump_file, *dump_backup, *log_dir,
        *pid_dir, *module_dir, *module_conf, *reload_lock, *touch;
};

/* `get` is getenv-like; an empty value counts as unset. Home: OVER_HOME, PM2_HOME, HOME/.pm2,
 * `fallback_home`/.pm2 (passwd; may be NULL), /etc/.pm2. Each path has PM2's own override variable
 * (PM2_LOG_FILE_PATH, PM2_PID_FILE_PATH, PM2_DAEMON_RPC_PORT, PM2_DEFAULT_LOG_PATH, ...; the table
 * is in paths.c); a socket may be given as unix:/path. Relative paths are taken relative to `cwd`
 * (absolute), and all results are absolute, without "." and ".." parts.
 * 0, or with `p` empty: -ENAMETOOLONG (socket path over LIMIT_SOCKET_PATH; the text names path,
 * length and limit and says what to do), -ENOTSUP (a TCP address for a socket), -ENOMEM. */
int pm2_paths_init(struct pm2_paths *p, const char *(*get)(void *ctx, const char *name), void *ctx,
                   const char *fallback_home, const char *cwd, struct err *e);
void pm2_paths_fini(struct pm2_paths *p);
