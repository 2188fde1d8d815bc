/* SPDX-License-Identifier: MIT
 * pm2 takeover: the list of a Node PM2 that runs in this home is saved, that daemon is ended as its
 * own `pm2 kill` does it, and ours starts the same list. Apps are restarted by it. Until its first
 * app is ended nothing has changed; after that the saved list is what `pm2 resurrect` needs. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/mem.h"
#include "os/atomic_file.h"
#include "json/read.h"
#include "json/write.h"

#define END_MS  120000 /* its apps end together, each within its kill_timeout */
#define GONE_MS 10000

extern const struct cmd cmd_resurrect_entry;

/* ---- the Node daemon ---- */

/* A connection to it in *ret. -ENOENT: no daemon runs; -EEXIST: it is one of ours. */
static int connect_node(struct cli *cli, struct client **ret, struct err *e)
{
    const struct client_options o = {
        .home = cli->paths.home,
        .rpc_path = cli->paths.rpc_sock,
        .pub_path = cli->paths.pub_sock,
        .pid_file = cli->paths.pid_file,
    };
    struct str reply;
    int rc = client_connect(&o, ret, e);
    if (rc == -ENOENT)
        return err_set(e, rc,
                       "no daemon is running in %s: pm2 resurrect starts what PM2 saved there",
                       cli->paths.home);
    if (rc < 0)
        return rc;
    rc = client_call(*ret, "c.hello", STR("[{}]"), CLI_ANSWER_MS, &reply, e);
    if (rc == -EREMOTEIO)
        return 0;
    return rc < 0 ? rc
                  : err_set(e, -EEXIST,
                            "the daemon in %s is no Node PM2: pm2 update replaces one of ours",
                            cli->paths.home);
}

static json_t *list_of(struct client *node, struct err *e)
{
    struct str reply;
    if (client_call(node, "getMonitorData", STR("[{}]"), CLI_ANSWER_MS, &reply, e) < 0)
        return NULL;
    json_t *list = json_read(reply, e);
    if (json_is_array(list))
        return list;
    json_decref(list);
    err_set(e, -EPROTO, "its list of processes cannot be read");
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    const json_t *const *x = a;
    const json_t *const *y = b;
    json_int_t left = json_integer_value(json_object_get(*x, "pm_id"));
    json_int_t right = json_integer_value(json_object_get(*y, "pm_id"));
    return (left > right) - (left < right);
}

/* As PM2 saves: the processes in the order of their ids, without modules and without what a
 * process gets anew. New reference. */
static json_t *saved_form(const json_t *list)
{
    size_t n = json_array_size(list);
    const json_t **all = mem_alloc(n * sizeof(all[0]));
    json_t *ret = json_array();
    for (size_t i = 0; i < n; i++)
        all[i] = json_array_get(list, i);
    qsort(all, n, sizeof(all[0]), by_id);
    for (size_t i = 0; i < n; i++) {
        json_t *env = json_object_get(all[i], "pm2_env");
        if (!json_is_object(env) || json_truthy(json_object_get(env, "pmx_module")))
            continue;
        json_t *copy = json_copy(env);
        (void)json_object_del(copy, "instances");
        (void)json_object_del(copy, "pm_id");
        (void)json_object_del(copy, "prev_restart_delay");
        json_array_append_new(ret, copy);
    }
    free(all);
    return ret;
}

/* The list that was saved before becomes the backup, as at every save. */
static int save(const struct cli *cli, const json_t *saved, struct err *e)
{
    const struct pm2_paths *p = &cli->paths;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) sums = BUF_INIT;
    struct jw w = jw_to(&text);
    jw_dom(&w, saved);
    buf_printf(&sums, "%s.sum", p->dump_file);
    if (buf_oom(&text) || buf_oom(&sums))
        return err_set(e, -ENOMEM, "out of memory");
    int rc = access(p->dump_file, F_OK) == 0 ? file_keep_as(p->dump_file, p->dump_backup, e) : 0;
    if (rc == 0)
        (void)unlink(sums.data); /* of a list of ours, from before it went back to PM2 */
    return rc < 0 ? rc : file_replace(p->dump_file, buf_str(&text), e);
}

/* Its restarts are off from now on, then each process is deleted, modules as well. */
static int end_apps(struct client *node, const json_t *list, struct err *e)
{
    size_t i;
    json_t *one;
    size_t n = json_array_size(list);
    int *tickets = mem_alloc((n + 1) * sizeof(*tickets));
    int rc = client_send(node, "notifyKillPM2", STR("[{}]"), e);
    json_array_foreach ((json_t *)list, i, one) {
        AUTO(buf) args = BUF_INIT;
        buf_printf(&args, "[%lld]", (long long)json_integer_value(json_object_get(one, "pm_id")));
        tickets[i] = rc < 0 ? rc : client_send(node, "deleteProcessId", buf_str(&args), e);
        rc = tickets[i] < 0 ? tickets[i] : rc;
    }
    for (i = 0; rc >= 0 && i < n; i++) {
        struct str reply;
        rc = client_wait(node, tickets[i], END_MS, &reply, e);
        if (rc == -EREMOTEIO)
            rc = 0; /* it ended meanwhile */
    }
    free(tickets);
    return rc < 0 ? rc : 0;
}

/* It tells the caller by SIGQUIT and never answers. */
static int end_daemon(struct client *node, struct err *e)
{
    AUTO(buf) args = BUF_INIT;
    (void)signal(SIGQUIT, SIG_IGN);
    buf_printf(&args, "[{\"pid\":%d}]", (int)getpid());
    int rc = client_send(node, "killMe", buf_str(&args), e);
    return rc < 0 ? rc : client_wait_gone(node, GONE_MS, e);
}

/* ---- ours ---- */

static int take(struct cli *cli, struct client *node, struct err *e)
{
    AUTO_JSON list = list_of(node, e);
    AUTO_JSON saved = list ? saved_form(list) : NULL;
    if (!saved)
        return e->code;
    int pid = client_daemon_pid(node);
    int rc = json_array_size(saved) > 0 ? save(cli, saved, e) : 0;
    if (rc < 0)
        return rc;
    ui_info(&cli->ui, "Node PM2 (pid %d): %zu processes, saved in %s", pid, json_array_size(saved),
            cli->paths.dump_file);
    rc = end_apps(node, list, e);
    if (rc == 0)
        rc = end_daemon(node, e);
    if (rc == 0)
        ui_info(&cli->ui, "Node PM2 has ended; its processes start again here");
    else
        ui_error(&cli->ui,
                 "Node PM2 (pid %d) was not ended whole; its list is in %s: end it by its own pm2 "
                 "kill, then pm2 resurrect",
                 pid, cli->paths.dump_file);
    return rc;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    struct client *node = NULL;
    int rc = connect_node(cli, &node, &e);
    if (rc == 0)
        rc = take(cli, node, &e);
    client_free(node);
    return rc < 0 ? cli_fail(cli, &e) : cmd_resurrect_entry.run(cli, args);
}

const struct cmd cmd_takeover_entry = {
    .name = "takeover",
    .args = "",
    .summary = "replace the Node PM2 that runs in this home; its apps are restarted",
    .flags = CMD_NO_EXTRA,
    .run = run,
};
