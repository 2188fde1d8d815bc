/* SPDX-License-Identifier: MIT
 * The method table: PM2's own RPC names and our compact ones, served by the same domain code. Each
 * method takes its call and ends it, now or later. Arguments come from strangers: every method
 * checks what it uses. */
#pragma once

#include "app/world.h"
#include "server.h"
#include "table.h"

struct jw;
struct own_log;
struct saver;

struct methods {
    struct table *table;
    struct proc_env *env;
    struct app_world world;
    struct own_log *own_log;
    struct saver *saver;
    int64_t started_at; /* ms since the epoch */
    /* Stop everything and end the daemon; `call` (may be NULL) is answered when all apps are gone,
     * with the text of what was stopped. `notify_pid` > 0 gets SIGQUIT then (PM2's killMe). */
    void (*shutdown)(void *ctx, struct call *call, pid_t notify_pid);
    /* Replace both programs by those in `folder` (NULL: where the running ones are from). `call` is
     * answered when that is refused, or before this pm2d ends for it. */
    void (*update)(void *ctx, struct call *call, const char *folder);
    void *shutdown_ctx; /* of both */
    bool shutting_down;
    uint64_t calls; /* so far */
};

typedef void method_fn(struct methods *m, struct call *c, json_t *args);

/* server_handle_fn; ctx is a struct methods */
void methods_handle(void *ctx, struct call *c, const struct rpc_request *rq);

/* Helpers for methods. The first argument, NULL when there is none. */
json_t *method_arg(json_t *args, size_t i);
/* A pm_id given as number or numeric text. */
bool method_id(const json_t *value, int *ret_id);
/* The process of an id, or NULL after the call has been failed with `fmt` (each %s: the id). */
struct proc *method_proc(struct methods *m, struct call *c, const json_t *id, const char *fmt);
void method_fail(struct call *c, const char *fmt, ...) ATTR_FORMAT(2, 3);
/* What `opts` of a compact method says of an app (options, args, cwd, env); borrowed. */
struct app_request method_request(const struct methods *m, const json_t *opts);
/* Answer with one process / with the list of all. */
void method_reply_proc(struct call *c, const struct proc *p, unsigned flags);
void method_reply_list(struct methods *m, struct call *c, unsigned flags);

/* methods_life.c */
method_fn method_prepare, method_start_id, method_stop_id, method_restart_id, method_reload_id,
    method_soft_reload_id, method_delete_id, method_reset_meta, method_notify_kill, method_kill_me;
/* methods_info.c */
method_fn method_ping, method_version, method_monitor_data, method_system_data, method_report,
    method_monitor, method_unmonitor;
/* methods_msg.c */
method_fn method_signal_id, method_signal_name, method_send_data, method_send_line,
    method_msg_process, method_notify, method_stop_watch, method_start_watch, method_toggle_watch;
/* compact.c */
method_fn compact_hello, compact_list, compact_describe, compact_env, compact_kill, compact_own,
    compact_update;
/* methods_logs.c */
method_fn method_reload_logs, compact_logs, compact_flush, compact_reset;
/* compact_act.c */
method_fn compact_act;
/* trigger.c */
method_fn compact_trigger;
/* scale.c */
method_fn method_duplicate, compact_scale;
/* settings_file.c */
method_fn compact_settings;
/* file_job.c */
method_fn compact_file;
/* start_job.c */
method_fn compact_start;
/* saver.c */
method_fn compact_save, compact_cleardump;
/* resurrect_job.c */
method_fn compact_resurrect;

/* compact.c: all ids; count, or -ENOMEM. `ret_ids`: free(). */
int methods_all_ids(struct methods *m, int **ret_ids);
/* Answer with a list of what `write` makes of each process of `ids`. */
void methods_reply_some(struct methods *m, struct call *c, const int *ids, int count,
                        void (*write)(struct jw *w, const struct proc *p));
/* ids that a target word means; count, or negative with `e`. `ret_ids`: free(). */
int methods_select(struct methods *m, const char *target, const char *cwd, int flags, int **ret_ids,
                   struct err *e);
