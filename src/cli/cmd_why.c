/* SPDX-License-Identifier: MIT
 * pm2 why: a sentence about the last end of a process, and one about what holds it up now. Works
 * without a daemon, and then knows what the files know. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "cli/past.h"
#include "cli/stall.h"
#include "cli/tail.h"
#include "cli/ui/text.h"
#include "cli/why.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/sockdiag.h"
#include "json/read.h"
#include "json/write.h"

#define CLUE_LINES  40 /* looked at */
#define SHOWN_LINES 8

/* ---- the log ---- */

struct lines_seen {
    struct why_clue clue;
    struct buf last[SHOWN_LINES]; /* a ring */
    size_t count;
};

static void on_line(void *ctx, struct str line)
{
    struct lines_seen *s = ctx;
    if (line.n == 0)
        return;
    struct buf *slot = &s->last[s->count++ % SHOWN_LINES];
    buf_clear(slot);
    text_clean(slot, line);
    why_clue_line(&s->clue, line);
}

static void read_log(const char *path, struct lines_seen *s)
{
    struct stat st;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    const struct tail tail = {.count = CLUE_LINES, .line = on_line, .ctx = s};
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        (void)tail_lines(fd, st.st_size, &tail);
    fd_close(&fd);
}

/* ---- who has the port ---- */

static size_t all_pids(pid_t **ret)
{
    size_t count = 0, room = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    *ret = NULL;
    while (dir && (entry = readdir(dir)) != NULL) {
        long long pid;
        if (!str_to_int(str_from(entry->d_name), &pid))
            continue;
        if (count == room) {
            room = room ? room * 2 : 256;
            pid_t *more = realloc(*ret, room * sizeof(pid_t));
            if (!more)
                break;
            *ret = more;
        }
        (*ret)[count++] = (pid_t)pid;
    }
    if (dir)
        (void)closedir(dir);
    return count;
}

/* The process that listens there; 0 = nobody whom we may see, -1 = nobody at all. */
static pid_t holder_of(int port)
{
    const struct sockdiag_query q = {.tcp = true, .listening = true, .port = (uint16_t)port};
    struct sockdiag_socket *sockets = NULL;
    pid_t *pids = NULL;
    ssize_t n = sockdiag_list(&q, &sockets);
    pid_t holder = n == 0 ? -1 : 0;
    if (n > 0) {
        size_t pid_count = all_pids(&pids);
        (void)sockdiag_owners(sockets, (size_t)n, pids, pid_count);
    }
    for (ssize_t i = 0; i < n && holder <= 0; i++)
        holder = sockets[i].pid;
    free(pids);
    free(sockets);
    return holder;
}

static void add_holder(struct buf *out, int port, const json_t *rows)
{
    size_t i;
    json_t *row;
    pid_t pid = holder_of(port);
    if (pid < 0) {
        buf_add_c(out, "; nobody listens there now");
        return;
    }
    if (pid == 0)
        return;
    buf_add_c(out, "; it is held by ");
    json_array_foreach ((json_t *)rows, i, row) {
        if (json_integer_value(json_object_get(row, "pid")) != pid)
            continue;
        buf_printf(out, "the app %s (id %lld)", json_get_str(row, "name"),
                   (long long)json_integer_value(json_object_get(row, "id")));
        return;
    }
    stall_add_program(out, pid);
}

static void add_clue(struct buf *out, const struct why_clue *clue, const json_t *rows)
{
    switch (clue->kind) {
    case CLUE_PORT:
        if (clue->port == 0) {
            buf_add_c(out, "the port that it wants is in use");
            return;
        }
        buf_printf(out, "port %d is in use", clue->port);
        add_holder(out, clue->port, rows);
        return;
    case CLUE_MODULE: buf_printf(out, "the module %s is missing", clue->text.data); return;
    case CLUE_HEAP: buf_add_c(out, "the heap of its runtime was full"); return;
    case CLUE_LINE: text_clean(out, buf_str(&clue->text)); return;
    case CLUE_NONE: break;
    }
    buf_add_c(out, "it does not say why");
}

/* ---- the sentence ---- */

struct question {
    struct cli *cli;
    const json_t *rows; /* c.list of all; NULL = no daemon */
};

static const json_t *row_of(const json_t *rows, int64_t id)
{
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)rows, i, row)
        if (json_integer_value(json_object_get(row, "id")) == id)
            return row;
    return NULL;
}

static void add_end(struct buf *out, const struct why_end *w)
{
    int64_t t = 0;
    int64_t uptime = 0;
    bool has_ended = strcmp(json_get_str(w->end, "what"), "ended") == 0;
    (void)json_get_int(w->end, "t", &t);
    buf_add_c(out, has_ended ? " ended with " : " could not be started");
    if (has_ended)
        past_how(out, w->end);
    buf_add_c(out, " at ");
    past_time(out, t);
    if (has_ended && json_get_int(w->end, "uptime", &uptime)) {
        buf_add_c(out, ", ");
        past_duration(out, uptime);
        buf_add_c(out, " after its start");
    }
}

/* pm2_env of c.describe: what its probe and its listen() said. */
static json_t *ask_state(const struct question *q, int64_t id)
{
    AUTO(buf) request = BUF_INIT;
    buf_printf(&request, "{\"target\":\"%" PRId64 "\"}", id);
    AUTO_JSON list = cli_ask(q->cli, "c.describe", buf_str(&request), CLI_ANSWER_MS);
    return json_incref(json_object_get(json_array_get(list, 0), "pm2_env"));
}

static void add_probe(struct buf *out, const json_t *state)
{
    const json_t *health = json_object_get(state, "health_state");
    const char *status = json_get_str(health, "status");
    const char *error = json_get_str(health, "error");
    int64_t failures = 0;
    if (!status || strcmp(status, "unhealthy") != 0)
        return;
    (void)json_get_int(health, "failures", &failures);
    buf_printf(out, " Its health probe fails (%" PRId64 " in a row): %s.", failures,
               error ? error : "unknown");
}

/* What holds up a process that is there. */
static void add_stall(const struct question *q, struct buf *out, const json_t *records,
                      const json_t *row)
{
    int64_t id = 0, pid = 0;
    AUTO(buf) seen = BUF_INIT;
    (void)json_get_int(row, "id", &id);
    (void)json_get_int(row, "pid", &pid);
    if (pid <= 0)
        return;
    AUTO_JSON state = ask_state(q, id);
    const char *listen_error = json_get_str(state, "listen_error");
    add_probe(out, state);
    if (listen_error)
        buf_printf(out, " It does not listen: %s.", listen_error);
    why_pending(out, records, clock_wall_ms());
    if (stall_look(&seen, (pid_t)pid))
        buf_printf(out, " %s.", seen.data);
}

static void add_now(struct buf *out, const json_t *row)
{
    const char *status = json_get_str(row, "status");
    const char *reason = json_get_str(row, "reason");
    int64_t uptime = 0;
    if (!status)
        return;
    buf_printf(out, " It is %s now", status);
    if (strcmp(status, "launching") == 0 && json_get_int(row, "uptime", &uptime)) {
        buf_add_c(out, ": it has not said yet that it is ready, ");
        past_duration(out, uptime);
        buf_add_c(out, " after its start");
    } else if (reason) {
        buf_printf(out, ": %s", reason);
    }
    buf_add_byte(out, '.');
}

static void show_evidence(struct cli *cli, const char *path, const struct lines_seen *s)
{
    size_t shown = s->count < SHOWN_LINES ? s->count : SHOWN_LINES;
    AUTO(buf) line = BUF_INIT;
    if (shown == 0)
        return;
    buf_printf(&line, "  last lines of %s:", path);
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
    for (size_t i = s->count - shown; i < s->count; i++) {
        buf_clear(&line);
        buf_printf(&line, "    %s", s->last[i % SHOWN_LINES].data);
        ui_line(&cli->ui, UI_OUT, buf_str(&line));
    }
}

static void show_changes(struct cli *cli, const json_t *records, const struct why_end *w)
{
    AUTO(buf) changes = BUF_INIT;
    AUTO(buf) line = BUF_INIT;
    why_changes(&changes, records, w->started);
    if (changes.len == 0 || json_get_bool(w->end, "ordered", false))
        return;
    buf_add_c(&line, "  changed since its last good run: ");
    text_clean(&line, buf_str(&changes));
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

static void explain(const struct question *q, const json_t *records, int64_t id, const char *name)
{
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) clean = BUF_INIT;
    struct lines_seen seen = {.clue = {.text = BUF_INIT}};
    const struct why_end w = why_last_end(records);
    const json_t *row = row_of(q->rows, id);
    const char *log = json_get_str(row, "err_log");
    for (size_t i = 0; i < SHOWN_LINES; i++)
        buf_init(&seen.last[i]);
    if (!log)
        log = json_get_str(w.started, "log");
    buf_printf(&text, "%s (id %" PRId64 ")", name, id);
    if (!w.end) {
        buf_add_c(&text, " has not ended, as far as is known.");
    } else {
        read_log(log, &seen);
        add_end(&text, &w);
        buf_add_c(&text, ": ");
        if (!why_cause(&text, &w))
            add_clue(&text, &seen.clue, q->rows);
        buf_add_byte(&text, '.');
    }
    add_now(&text, row);
    add_stall(q, &text, records, row);
    text_clean(&clean, buf_str(&text));
    ui_line(&q->cli->ui, UI_OUT, buf_str(&clean));
    if (w.end) {
        show_changes(q->cli, records, &w);
        if (!json_get_bool(w.end, "ordered", false))
            show_evidence(q->cli, log, &seen);
    }
    for (size_t i = 0; i < SHOWN_LINES; i++)
        buf_fini(&seen.last[i]);
    buf_fini(&seen.clue.text);
}

/* ---- which processes ---- */

/* Records by process: {"ID": [record, ...]}. A new process under an old id begins anew. */
static json_t *by_process(const json_t *records)
{
    json_t *all = json_object();
    size_t i;
    json_t *r;
    json_array_foreach ((json_t *)records, i, r) {
        char key[32];
        int64_t id;
        if (!json_get_int(r, "id", &id) || json_get_bool(r, "other", false))
            continue;
        snprintf(key, sizeof(key), "%" PRId64, id);
        const json_t *last = json_array_get(json_object_get(all, key),
                                            json_array_size(json_object_get(all, key)) - 1);
        const char *name = json_get_str(last, "name");
        if (!name || strcmp(name, json_get_str(r, "name")) != 0)
            json_object_set_new(all, key, json_array());
        json_array_append(json_object_get(all, key), r);
    }
    return all;
}

/* Those that are still there; when none is, all that the history knows. */
static int explain_all(const struct question *q, const json_t *records)
{
    AUTO_JSON all = by_process(records);
    int explained = 0;
    for (int only_there = 1; only_there >= 0 && explained == 0; only_there--) {
        const char *key;
        json_t *list;
        json_object_foreach (all, key, list) {
            long long id = 0;
            (void)str_to_int(str_from(key), &id);
            if (only_there && !row_of(q->rows, id))
                continue;
            const json_t *last = json_array_get(list, json_array_size(list) - 1);
            explain(q, list, id, json_get_str(last, "name"));
            explained++;
        }
    }
    return explained;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    struct question q = {.cli = cli};
    const char *target = args->position.at[0];
    AUTO_JSON records = past_read(cli, target, &e);
    if (!records)
        return cli_fail(cli, &e);
    int rc = cli_connect(cli, 0);
    if (rc < 0 && rc != -ENOENT)
        return 1;
    AUTO_JSON rows = rc == 0 ? cli_ask(cli, "c.list", STR(""), CLI_ANSWER_MS) : NULL;
    q.rows = rows;
    if (explain_all(&q, records) > 0)
        return 0;
    ui_error(&cli->ui, "Nothing is known of %s", target);
    return 1;
}

const struct cmd cmd_why_entry = {
    .name = "why",
    .args = "<name|id|namespace>",
    .summary = "why a process ended or hangs, and what shows it",
    .run = run,
};
