/* SPDX-License-Identifier: MIT
 * The layout of PM2_HOME; paths.h has the rules. Pure. */
#include "app/paths.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/conf_priv.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

/* PM2's file names and the variables that override them (PM2 paths.js: the internal key, with PM2_
 * in front where it is not in there already). `touch` has none. */
static const struct row {
    size_t member;
    const char *file, *variable;
    bool is_socket;
} rows[] = {
    {offsetof(struct pm2_paths, rpc_sock), "rpc.sock", "PM2_DAEMON_RPC_PORT", true},
    {offsetof(struct pm2_paths, pub_sock), "pub.sock", "PM2_DAEMON_PUB_PORT", true},
    {offsetof(struct pm2_paths, pid_file), "pm2.pid", "PM2_PID_FILE_PATH", false},
    {offsetof(struct pm2_paths, log_file), "pm2.log", "PM2_LOG_FILE_PATH", false},
    {offsetof(struct pm2_paths, dump_file), "dump.pm2", "PM2_DUMP_FILE_PATH", false},
    {offsetof(struct pm2_paths, dump_backup), "dump.pm2.bak", "PM2_DUMP_BACKUP_FILE_PATH", false},
    {offsetof(struct pm2_paths, log_dir), "logs", "PM2_DEFAULT_LOG_PATH", false},
    {offsetof(struct pm2_paths, pid_dir), "pids", "PM2_DEFAULT_PID_PATH", false},
    {offsetof(struct pm2_paths, module_dir), "modules", "PM2_DEFAULT_MODULE_PATH", false},
    {offsetof(struct pm2_paths, module_conf), "module_conf.json", "PM2_MODULE_CONF_FILE", false},
    {offsetof(struct pm2_paths, reload_lock), "reload.lock", "PM2_RELOAD_LOCKFILE", false},
    {offsetof(struct pm2_paths, touch), "touch", NULL, false},
};
static_assert(ARRAY_LEN(rows) + 1 == sizeof(struct pm2_paths) / sizeof(char *),
              "each path but the home has a row");

struct source {
    const char *(*get)(void *ctx, const char *name);
    void *ctx;
    const char *cwd;
};

static const char *variable(const struct source *from, const char *name)
{
    const char *value = name ? from->get(from->ctx, name) : NULL;
    return value && *value ? value : NULL;
}

static char **slot(struct pm2_paths *p, const struct row *row)
{
    return (char **)(void *)((char *)p + row->member);
}

static char *find_home(const struct source *from, const char *fallback_home)
{
    const char *home = variable(from, "OVER_HOME");
    if (!home)
        home = variable(from, "PM2_HOME");
    if (home)
        return path_resolve(from->cwd, home, NULL);
    const char *user = variable(from, "HOME");
    if (!user)
        user = fallback_home && *fallback_home ? fallback_home : "/etc";
    char *base = path_resolve(from->cwd, user, NULL);
    char *result = base ? path_resolve(base, ".pm2", NULL) : NULL;
    free(base);
    return result;
}

/* The path in "unix:/path" or "/path"; NULL when it is an address of another kind. */
static const char *socket_path(const char *value)
{
    if (strncasecmp(value, "unix:", 5) == 0)
        return value + (strncmp(value + 5, "//", 2) == 0 ? 7 : 5);
    return strstr(value, "://") ? NULL : value;
}

static int check_socket(const char *path, const struct row *row, struct err *e)
{
    size_t n = strlen(path);
    if (n <= LIMIT_SOCKET_PATH)
        return 0;
    return err_set(e, -ENAMETOOLONG,
                   "the socket path %s has %zu bytes, the limit is %d: set PM2_HOME (or %s) to a "
                   "shorter path",
                   path, n, LIMIT_SOCKET_PATH, row->variable);
}

static int set_path(struct pm2_paths *p, const struct row *row, const struct source *from,
                    struct err *e)
{
    const char *value = variable(from, row->variable);
    if (value && row->is_socket) {
        const char *path = socket_path(value);
        if (!path)
            return err_set(e, -ENOTSUP, "%s=%s: only unix sockets are supported", row->variable,
                           value);
        value = path;
    }
    char *path = path_resolve(value ? from->cwd : p->home, value ? value : row->file, NULL);
    *slot(p, row) = path;
    if (!path)
        return err_set(e, -ENOMEM, "out of memory");
    return row->is_socket ? check_socket(path, row, e) : 0;
}

int pm2_paths_init(struct pm2_paths *p, const char *(*get)(void *ctx, const char *name), void *ctx,
                   const char *fallback_home, const char *cwd, struct err *e)
{
    const struct source from = {get, ctx, cwd};
    *p = (struct pm2_paths){.home = find_home(&from, fallback_home)};
    int rc = p->home ? 0 : err_set(e, -ENOMEM, "out of memory");
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(rows); i++)
        rc = set_path(p, &rows[i], &from, e);
    if (rc < 0)
        pm2_paths_fini(p);
    return rc;
}

void pm2_paths_fini(struct pm2_paths *p)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        free(*slot(p, &rows[i]));
    free(p->home);
    *p = (struct pm2_paths){0};
}
