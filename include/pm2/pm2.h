/* SPDX-License-Identifier: MIT
 * libpm2: manage processes with the PM2 daemon from C. This header is the manual.
 *
 * Two faces over one core:
 *   blocking   pm2_connect(), then pm2_start(), pm2_list() ...: each returns when it is done.
 *   callback   pm2_async_connect() with hooks of your event loop, then pm2_async_start(),
 *              pm2_async_list() ...: each returns at once, and a function of yours is called when
 *              it is done. (Or pm2_connect(), which waits, and then pm2_attach().)
 *
 * Results. Functions that return int give 0 or a positive number on success, and a negative errno
 * on failure; pm2_error_code() and pm2_error_text() say what the last failure was:
 *   -ENOENT      no daemon runs, and none was to be launched
 *   -EACCES      the socket or the home belongs to somebody else
 *   -EREMOTEIO   the daemon refused; the text is its own ("Process or Namespace x not found")
 *   -EPIPE       the daemon went away; the handle is not connected any more, as after -EPROTO
 *   -ETIMEDOUT   no answer in time: the daemon hangs, or something else listens there
 *   -EPROTO      what listens there does not speak PM2's protocol, or not ours: a Node PM2, or a
 *                release of pm2c whose protocol is another (one that only has another version is
 *                talked to)
 *   -ENOTCONN    not connected (yet, or any more)
 *   -EISCONN     connected already
 *   -EBUSY       a blocking call on a handle that is attached, or the other way round
 *   -ECANCELED   disconnected while the call was under way
 *   -EINVAL      an argument is wrong; the text says which
 *   -ENOMEM      out of memory
 * The library never exits, never prints, and raises no SIGPIPE.
 *
 * Text is UTF-8 and ends in NUL. What is handed in is copied before the function returns; what is
 * handed out as `const char *` belongs to the object that it was asked of, and lives as long.
 * Times are milliseconds, memory is bytes.
 *
 * Threads: one handle, and the lists that came from it, may be used by one thread at a time;
 * different handles are independent. But the environment and the current folder are the program's:
 * who changes them in one thread must not connect or start in another. The library puts a guard
 * around the allocator of jansson when the first handle is made; a program that uses
 * json_set_alloc_funcs() itself does so before that. A handle does not survive fork() in the
 * child. */
#ifndef PM2_PM2_H
#define PM2_PM2_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PM2_API __attribute__((visibility("default")))
#else
#define PM2_API
#endif

struct pm2;      /* a handle: one user of one daemon */
struct pm2_app;  /* what to start */
struct pm2_list; /* processes, as they were when the daemon answered */
struct pm2_proc; /* one of them */

/* Version of this library ("0.1.0"). Static storage. */
PM2_API const char *pm2_version(void);

/* ---- handle ------------------------------------------------------------------------------------
 */

/* A new handle, not connected. NULL when out of memory. */
PM2_API struct pm2 *pm2_new(void);

/* Disconnect and free. NULL is fine. May be called in a callback: the handle is then freed when
 * that callback has returned. Callbacks of calls under way get -ECANCELED first. */
PM2_API void pm2_free(struct pm2 *p);

/* The last failure on this handle: its negative errno (0 = none yet) and its text ("" = none).
 * The text is valid until the next function with this handle is called. */
PM2_API int pm2_error_code(const struct pm2 *p);
PM2_API const char *pm2_error_text(const struct pm2 *p);

/* ---- settings, before pm2_connect() ------------------------------------------------------------
 */

/* The daemon's folder. Default: $PM2_HOME, else $HOME/.pm2. A relative path is taken from the
 * current folder. 0, -ENOMEM, -EISCONN. */
PM2_API int pm2_set_home(struct pm2 *p, const char *path);

/* The program pm2-keeper, which launches a daemon. Default: the one beside the calling program,
 * else the first in $PATH. 0, -ENOMEM, -EISCONN. */
PM2_API int pm2_set_keeper(struct pm2 *p, const char *path);

enum pm2_mode {
    PM2_LAUNCH = 0, /* launch a daemon when none runs; it stays when the caller ends (default) */
    PM2_NO_LAUNCH,  /* no daemon runs: pm2_connect() gives -ENOENT */
    PM2_NO_DAEMON   /* launch a daemon of the caller's own when none runs: it ends, and its
                       applications with it, when this handle is disconnected or the caller ends,
                       by whatever cause. A daemon that runs already is joined and left running. */
};
PM2_API int pm2_set_mode(struct pm2 *p, enum pm2_mode mode); /* 0, -EINVAL, -EISCONN */

/* How long to wait for the daemon, for connecting and per call. 0 = for ever, -1 = the default:
 * 10 s to connect, 60 s per call. May be changed at any time. 0, -EINVAL. */
PM2_API int pm2_set_timeout(struct pm2 *p, int timeout_ms);

/* ---- connection --------------------------------------------------------------------------------
 */

/* Connect, and launch a daemon if the mode says so. After a failure, and after
 * pm2_disconnect(), it may be called again. 0, -EISCONN, or why not. */
PM2_API int pm2_connect(struct pm2 *p);

/* Close the connection; calls under way end with -ECANCELED, the subscription ends. Attached hooks
 * are told to forget the descriptors, and the handle is no longer attached. Twice is fine. In a
 * callback it takes effect when that callback has returned. */
PM2_API void pm2_disconnect(struct pm2 *p);

/* 1 when connected, else 0. */
PM2_API int pm2_is_connected(const struct pm2 *p);
/* 1 when the last pm2_connect() launched the daemon, else 0. */
PM2_API int pm2_has_launched(const struct pm2 *p);
/* Process id of the daemon; 0 when not connected. */
PM2_API int pm2_daemon_pid(const struct pm2 *p);

/* ---- what to start -----------------------------------------------------------------------------
 */

/* An application to start. `script` is a path (from `cwd`, which is the current folder unless it
 * is set) or the name of a program; NULL when it serves to change what runs (pm2_restart_with()).
 * NULL when out of memory.
 * The setters cannot fail: what goes wrong is kept, and told when it is used. The daemon checks the
 * values. Setting again replaces. The environment of the caller is handed on to the application. */
PM2_API struct pm2_app *pm2_app_new(const char *script);
PM2_API void pm2_app_free(struct pm2_app *a); /* NULL is fine */

PM2_API void pm2_app_set_name(struct pm2_app *a, const char *name);
PM2_API void pm2_app_set_namespace(struct pm2_app *a, const char *name);
PM2_API void pm2_app_set_cwd(struct pm2_app *a, const char *path);
PM2_API void pm2_app_set_interpreter(struct pm2_app *a, const char *program);
PM2_API void pm2_app_set_out_log(struct pm2_app *a, const char *path);
PM2_API void pm2_app_set_error_log(struct pm2_app *a, const char *path);
PM2_API void pm2_app_set_instances(struct pm2_app *a, int count);
PM2_API void pm2_app_set_autorestart(struct pm2_app *a, int on);
PM2_API void pm2_app_set_max_restarts(struct pm2_app *a, int count);
PM2_API void pm2_app_set_max_memory(struct pm2_app *a, int64_t bytes);
PM2_API void pm2_app_set_kill_timeout(struct pm2_app *a, int timeout_ms);
PM2_API void pm2_app_add_arg(struct pm2_app *a, const char *arg);
PM2_API void pm2_app_set_env(struct pm2_app *a, const char *name, const char *value);

/* For processes that are there already: hand on the whole environment of the caller, too, and not
 * only what pm2_app_set_env() says. Off by default. */
PM2_API void pm2_app_set_update_env(struct pm2_app *a, int on);

/* Any attribute of PM2's configuration ("watch", "cron_restart", "exec_mode" ...), with its value
 * as JSON text: "true", "\"0 3 * * *\"", "[\"src\",\"lib\"]". */
PM2_API void pm2_app_set_json(struct pm2_app *a, const char *attribute, const char *json);

/* ---- processes ---------------------------------------------------------------------------------
 */

PM2_API size_t pm2_list_count(const struct pm2_list *l); /* 0 for NULL */
/* Borrowed from the list; NULL when `i` is out of range. */
PM2_API const struct pm2_proc *pm2_list_at(const struct pm2_list *l, size_t i);
/* The process with that id or name (the first), borrowed; NULL when there is none. */
PM2_API const struct pm2_proc *pm2_list_find_id(const struct pm2_list *l, int id);
PM2_API const struct pm2_proc *pm2_list_find_name(const struct pm2_list *l, const char *name);
/* One owner more; each owner calls pm2_list_free(). Returns `l`. */
PM2_API struct pm2_list *pm2_list_ref(struct pm2_list *l);
PM2_API void pm2_list_free(struct pm2_list *l); /* NULL is fine */

enum pm2_status {
    PM2_STATUS_UNKNOWN = 0, /* a word that this library does not know: pm2_proc_status_text() */
    PM2_STATUS_ONLINE,
    PM2_STATUS_LAUNCHING,
    PM2_STATUS_STOPPING,
    PM2_STATUS_STOPPED,
    PM2_STATUS_ERRORED,
    PM2_STATUS_WAITING_RESTART,
    PM2_STATUS_ONE_LAUNCH
};

/* Text is never NULL: "" when the daemon did not say. */
PM2_API int pm2_proc_id(const struct pm2_proc *p);  /* pm_id */
PM2_API int pm2_proc_pid(const struct pm2_proc *p); /* 0 when it does not run */
PM2_API const char *pm2_proc_name(const struct pm2_proc *p);
PM2_API const char *pm2_proc_namespace(const struct pm2_proc *p);
PM2_API enum pm2_status pm2_proc_status(const struct pm2_proc *p);
PM2_API const char *pm2_proc_status_text(const struct pm2_proc *p); /* "online" ... */
PM2_API const char *pm2_proc_exec_mode(const struct pm2_proc *p);   /* "fork_mode" ... */
PM2_API int pm2_proc_restarts(const struct pm2_proc *p);
PM2_API int pm2_proc_unstable_restarts(const struct pm2_proc *p);
PM2_API int pm2_proc_instances(const struct pm2_proc *p);
PM2_API int pm2_proc_exit_code(const struct pm2_proc *p); /* of the last end; -1 = none yet */
PM2_API int64_t pm2_proc_created_at_ms(const struct pm2_proc *p); /* since 1970; 0 = unknown */
PM2_API int64_t pm2_proc_started_at_ms(const struct pm2_proc *p); /* since 1970; 0 = never */
PM2_API int64_t pm2_proc_uptime_ms(const struct pm2_proc *p);     /* by now; 0 unless it runs */
PM2_API double pm2_proc_cpu_percent(const struct pm2_proc *p);    /* 100 = one core */
PM2_API int64_t pm2_proc_memory_bytes(const struct pm2_proc *p);  /* resident */
PM2_API const char *pm2_proc_exec_path(const struct pm2_proc *p);
PM2_API const char *pm2_proc_cwd(const struct pm2_proc *p);
PM2_API const char *pm2_proc_interpreter(const struct pm2_proc *p);
PM2_API const char *pm2_proc_out_log(const struct pm2_proc *p);
PM2_API const char *pm2_proc_error_log(const struct pm2_proc *p);
PM2_API const char *pm2_proc_pid_path(const struct pm2_proc *p);
PM2_API const char *pm2_proc_user(const struct pm2_proc *p);
PM2_API const char *pm2_proc_app_version(const struct pm2_proc *p);
/* The value of a variable in the environment of the process; NULL when it is not set. */
PM2_API const char *pm2_proc_env(const struct pm2_proc *p, const char *name);
/* Everything that the daemon said, as one JSON object ({pid, name, pm2_env, pm_id, monit}). NULL
 * when out of memory. */
PM2_API const char *pm2_proc_json(const struct pm2_proc *p);

/* ---- blocking face -----------------------------------------------------------------------------
 * `target` is a name, a namespace, a /regular expression/, an id in decimal, or "all". Where there
 * is `ret`, it may be NULL; on success it gets a list that the caller frees with pm2_list_free(),
 * on failure NULL. All give 0 or a negative errno.
 */

PM2_API int pm2_ping(struct pm2 *p);
/* Which PM2 the daemon is compatible with ("7.0.4"), borrowed until the next call of this. */
PM2_API int pm2_daemon_version(struct pm2 *p, const char **ret);
PM2_API int pm2_list(struct pm2 *p, struct pm2_list **ret);
/* Processes by name or id; an empty list when there is none. */
PM2_API int pm2_describe(struct pm2 *p, const char *target, struct pm2_list **ret);
/* `ret`: what was started. The same script under the same name again is restarted; a name alone,
 * or an id, is taken for a script: pm2_restart() is for those. -EREMOTEIO may leave some instances
 * started. */
PM2_API int pm2_start(struct pm2 *p, const struct pm2_app *a, struct pm2_list **ret);
PM2_API int pm2_stop(struct pm2 *p, const char *target, struct pm2_list **ret);
PM2_API int pm2_restart(struct pm2 *p, const char *target, struct pm2_list **ret);
/* Restart with another configuration: what is set in `changes` replaces, for good, what the
 * processes have; the rest stays. */
PM2_API int pm2_restart_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                             struct pm2_list **ret);
/* Replace processes without an interruption: 0 when the successors serve and those before them are
 * gone. A successor that does not come up is ended, the ones before it go on, and the call fails
 * with -EREMOTEIO and why. It can take longer than the time of other calls: pm2_set_timeout(). */
PM2_API int pm2_reload(struct pm2 *p, const char *target, struct pm2_list **ret);
/* The same with another configuration, as pm2_restart_with(). Of `changes`, "force" (by
 * pm2_app_set_json()) is of this reload and not kept. */
PM2_API int pm2_reload_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                            struct pm2_list **ret);
/* Have "3" processes of the app `name`, or "+2" more than there are; the oldest go first. `ret`:
 * its processes afterwards. -EREMOTEIO when there is nothing to do, too. */
PM2_API int pm2_scale(struct pm2 *p, const char *name, const char *number, struct pm2_list **ret);
/* `ret`: what was deleted, as it was before. */
PM2_API int pm2_delete(struct pm2 *p, const char *target, struct pm2_list **ret);
/* `signo` as in signal(7). The applications are sent it; whether they end is theirs. */
PM2_API int pm2_send_signal_to_process_name(struct pm2 *p, int signo, const char *name);
PM2_API int pm2_send_signal_to_process_id(struct pm2 *p, int signo, int id);
/* Empty the log files of the processes that `target` means; NULL: of all, and the daemon's own. */
PM2_API int pm2_flush(struct pm2 *p, const char *target);
/* Open all log files anew, after something renamed them. */
PM2_API int pm2_reload_logs(struct pm2 *p);
/* Keep the list of processes for pm2_resurrect(). An empty list is saved only with `force`; else
 * -EREMOTEIO. */
PM2_API int pm2_dump(struct pm2 *p, int force);
/* Put back what was saved, and start what ran then. `ret`: what came back; what was there is left
 * alone. -EREMOTEIO: there is no list, or not all of it came back (the rest runs). It can take
 * longer than the time of other calls: pm2_set_timeout(). */
PM2_API int pm2_resurrect(struct pm2 *p, struct pm2_list **ret);
/* A message for an application: process.on('message') gets {id, type: "process:msg", topic, data}.
 * `json`: the data as JSON text. -EINVAL when it is none. */
PM2_API int pm2_send_data_to_process_id(struct pm2 *p, int id, const char *topic, const char *json);
/* `line` and a newline for its standard input. */
PM2_API int pm2_send_line_to_stdin(struct pm2 *p, int id, const char *line);
/* Have applications carry out an action that they have registered. `params` is JSON text or NULL.
 * *ret_json, borrowed until the next call of this or pm2_call(): {"replies": [{id, name, namespace,
 * data and at, or error}]}: `data` as the application sent it and `at` when (milliseconds since
 * 1970); `error` when it ended before, or did not answer within five minutes, if pm2_set_timeout()
 * lets the call take so long. */
PM2_API int pm2_trigger(struct pm2 *p, const char *target, const char *action, const char *params,
                        const char **ret_json);
/* Any method of docs/PROTOCOL.md. `json` is its argument as JSON text, NULL = {}; *ret_json is its
 * result ("null" when it has none), borrowed as that of pm2_trigger(). */
PM2_API int pm2_call(struct pm2 *p, const char *method, const char *json, const char **ret_json);
/* A message as PM2's method msgProcess takes it: {id or name, msg, opts?}; *ret_json as above. */
PM2_API int pm2_msg_process(struct pm2 *p, const char *json, const char **ret_json);
/* The counters of processes become 0. `target`: a name, an id, "all". */
PM2_API int pm2_reset(struct pm2 *p, const char *target);

/* What follows is the work of the program `pm2`, which is run: it lies beside pm2-keeper. The calls
 * take as long as it does, whatever pm2_set_timeout() says; what it refuses is -EREMOTEIO, with its
 * words. They need no connection, except for pm2_act_on_file(), and there are none in the callback
 * face (-EBUSY).
 * Settings: `key` is "name:key" or "key"; dots nest as well, and quotes protect them (name:"a.b").
 * An app of that name starts again with the new value. */
PM2_API int pm2_set(struct pm2 *p, const char *key, const char *value);
PM2_API int pm2_multiset(struct pm2 *p, const char *text); /* "key value key value" */
PM2_API int pm2_unset(struct pm2 *p, const char *key);     /* "all": every one */
/* The value as JSON text, borrowed as that of pm2_call(). NULL: all settings. */
PM2_API int pm2_get(struct pm2 *p, const char *key, const char **ret_json);
/* Start at boot. `platform`: "systemd" ..., NULL = that of this machine. Without the rights it
 * fails, and the text says what to do. */
PM2_API int pm2_startup(struct pm2 *p, const char *platform);
PM2_API int pm2_unstartup(struct pm2 *p, const char *platform);
/* A module: name, folder, archive or URL. Its files and its processes. */
PM2_API int pm2_install(struct pm2 *p, const char *module);
PM2_API int pm2_uninstall(struct pm2 *p, const char *module);
/* Start the modules that are installed and do not run. pm2_connect() does that when it launches a
 * daemon; after pm2_async_connect() it is the caller's, on a handle of its own. */
PM2_API int pm2_launch_modules(struct pm2 *p);
/* The programs on the disk take over, applications run on. Connects again. */
PM2_API int pm2_update(struct pm2 *p);
/* A process file: JavaScript, JSON or YAML. `action`: "start" (known applications are restarted),
 * "reload", "apply", "stop", "delete". `ret`: its processes. */
PM2_API int pm2_act_on_file(struct pm2 *p, const char *action, const char *path,
                            struct pm2_list **ret);

/* Stop all applications, end the daemon, and wait for its end. Disconnects. */
PM2_API int pm2_kill_daemon(struct pm2 *p);

/* Subscribe to the bus: what applications write and send, and what becomes of them. 0 or negative.
 * Events that come after the next blocking call has returned are certain to be told. */
PM2_API int pm2_subscribe(struct pm2 *p);
/* The next event: 1 with topic ("log:out", "process:event" ...) and payload (JSON), borrowed until
 * the next function with this handle is called; 0 when none came within timeout_ms (0 = only look,
 * -1 = wait for ever). -EPIPE: the bus is gone; pm2_subscribe() again, which connects again if need
 * be. */
PM2_API int pm2_next_event(struct pm2 *p, int timeout_ms, const char **ret_topic,
                           const char **ret_json);
/* In both faces: the number of the last event that was told. They grow by one; events that are left
 * out, because they were not read, are told by "pm2:gap" {missed, at}. So are those between two
 * subscriptions of a handle: the first event is a "pm2:gap" then if anything is missing, without
 * `missed` if nobody knows how much. 0 = none yet. */
PM2_API uint64_t pm2_event_number(const struct pm2 *p);

/* ---- callback face -----------------------------------------------------------------------------
 * The library asks for descriptors (four at most) to be watched and for one timer; the loop calls
 * pm2_handle_*.
 * Level-triggered watching is what is meant; edge-triggered will lose wake-ups. Hooks are never
 * called twice for the same thing. add_timer replaces the timer before it. They are called from
 * inside functions of the library, and may call none of it.
 */

struct pm2_hooks {
    void *data; /* first argument of all */
    void (*add_read)(void *data, int fd);
    void (*del_read)(void *data, int fd);
    void (*add_write)(void *data, int fd);
    void (*del_write)(void *data, int fd);
    void (*add_timer)(void *data, int timeout_ms); /* call pm2_handle_timeout() then, once */
    void (*del_timer)(void *data);
    /* May be NULL. The connection ended without pm2_disconnect(): `code` says why. This one is
     * a callback like those of calls: it may use the library, pm2_free() included. */
    void (*closed)(struct pm2 *p, int code, void *data);
};

/* A call has ended: `code` is 0 or a negative errno (then pm2_error_text(p) has the text). `list`
 * is what the blocking face gives in `ret`; NULL where there is none. It is freed when the callback
 * returns: take pm2_list_ref() to keep it. The callback may use any function of the callback face,
 * pm2_disconnect() and pm2_free() included. */
typedef void pm2_done_fn(struct pm2 *p, int code, struct pm2_list *list, void *data);

/* Connect (and launch a daemon, if the mode says so) without waiting for anything, and attach. The
 * hooks are in force at once; `done` tells how it went, as pm2_connect() would, and never before
 * this function has returned. After a failure the handle is not attached any more. Until then,
 * calls give -ENOTCONN, and pm2_disconnect() ends the attempt with -ECANCELED. 0, -EISCONN, -EINVAL
 * (a hook is missing, no home), -ENOMEM. */
PM2_API int pm2_async_connect(struct pm2 *p, const struct pm2_hooks *hooks, pm2_done_fn *done,
                              void *data);

/* Hand a connected handle to an event loop. `hooks` is copied. 0, -ENOTCONN, -EBUSY (attached
 * already, or subscribed in the blocking face), -EINVAL (a hook is missing). */
PM2_API int pm2_attach(struct pm2 *p, const struct pm2_hooks *hooks);

/* The loop's side: `fd` has become readable or writable, the timer has run out. Callbacks run
 * inside these, and nowhere else but in pm2_disconnect() and pm2_free(). */
PM2_API void pm2_handle_read(struct pm2 *p, int fd);
PM2_API void pm2_handle_write(struct pm2 *p, int fd);
PM2_API void pm2_handle_timeout(struct pm2 *p);

/* Each queues one call. 0: `done` (may be NULL) will be called exactly once, and not before this
 * function has returned. Negative: it will not be called. */
PM2_API int pm2_async_ping(struct pm2 *p, pm2_done_fn *done, void *data);
PM2_API int pm2_async_list(struct pm2 *p, pm2_done_fn *done, void *data);
PM2_API int pm2_async_describe(struct pm2 *p, const char *target, pm2_done_fn *done, void *data);
PM2_API int pm2_async_start(struct pm2 *p, const struct pm2_app *a, pm2_done_fn *done, void *data);
PM2_API int pm2_async_stop(struct pm2 *p, const char *target, pm2_done_fn *done, void *data);
PM2_API int pm2_async_restart(struct pm2 *p, const char *target, pm2_done_fn *done, void *data);
PM2_API int pm2_async_restart_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                                   pm2_done_fn *done, void *data);
PM2_API int pm2_async_reload(struct pm2 *p, const char *target, pm2_done_fn *done, void *data);
PM2_API int pm2_async_reload_with(struct pm2 *p, const char *target, const struct pm2_app *changes,
                                  pm2_done_fn *done, void *data);
PM2_API int pm2_async_scale(struct pm2 *p, const char *name, const char *number, pm2_done_fn *done,
                            void *data);
PM2_API int pm2_async_delete(struct pm2 *p, const char *target, pm2_done_fn *done, void *data);
PM2_API int pm2_async_send_signal_to_process_name(struct pm2 *p, int signo, const char *name,
                                                  pm2_done_fn *done, void *data);
PM2_API int pm2_async_send_signal_to_process_id(struct pm2 *p, int signo, int id, pm2_done_fn *done,
                                                void *data);
PM2_API int pm2_async_dump(struct pm2 *p, int force, pm2_done_fn *done, void *data);
PM2_API int pm2_async_resurrect(struct pm2 *p, pm2_done_fn *done, void *data);
PM2_API int pm2_async_flush(struct pm2 *p, const char *target, pm2_done_fn *done, void *data);
PM2_API int pm2_async_reload_logs(struct pm2 *p, pm2_done_fn *done, void *data);
PM2_API int pm2_async_reset(struct pm2 *p, const char *target, pm2_done_fn *done, void *data);
PM2_API int pm2_async_send_data_to_process_id(struct pm2 *p, int id, const char *topic,
                                              const char *json, pm2_done_fn *done, void *data);
PM2_API int pm2_async_send_line_to_stdin(struct pm2 *p, int id, const char *line, pm2_done_fn *done,
                                         void *data);
/* What a call was answered, as JSON text, borrowed for the callback; NULL when `code` is negative.
 */
typedef void pm2_reply_fn(struct pm2 *p, int code, const char *json, void *data);
PM2_API int pm2_async_trigger(struct pm2 *p, const char *target, const char *action,
                              const char *params, pm2_reply_fn *reply, void *data);
PM2_API int pm2_async_call(struct pm2 *p, const char *method, const char *json, pm2_reply_fn *reply,
                           void *data);
PM2_API int pm2_async_msg_process(struct pm2 *p, const char *json, pm2_reply_fn *reply, void *data);
/* Done when the processes of the daemon are gone, the keeper too; the handle is not connected then.
 * Other calls under way get -EPIPE. */
PM2_API int pm2_async_kill_daemon(struct pm2 *p, pm2_done_fn *done, void *data);

/* An event of the bus; topic and json are borrowed for the call. topic NULL: the bus is gone. */
typedef void pm2_event_fn(struct pm2 *p, const char *topic, const char *json, void *data);

/* Subscribe to the bus. Once per connection: -EBUSY when there is a subscription. -ETIMEDOUT: the
 * daemon takes no connection at the moment; try again later. */
PM2_API int pm2_async_subscribe(struct pm2 *p, pm2_event_fn *on_event, void *data);

#ifdef __cplusplus
}
#endif

#endif
