/* SPDX-License-Identifier: MIT
 * The loop of pm2 logs: signals, files, bus, and a look around once a second. */
#include "cli/log_stream.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "cli/cli.h"
#include "cli/follow.h"
#include "os/clock.h"
#include "os/fd.h"
#include "json/read.h"

#define LOOK_MS       1000
#define LOOK_BLIND_MS 200  /* when files have no watch */
#define ASK_MS        1000 /* a daemon that is slower is asked again */
#define TELL_AWAY_MS  1000 /* one that was replaced is back before */

void log_stream_init(struct log_stream *s, struct cli *cli)
{
    *s = (struct log_stream){
        .cli = cli,
        .until_ms = INT64_MAX,
        .signal_fd = follow_signals(),
        .wait_fd = epoll_create1(EPOLL_CLOEXEC),
    };
    lines_init(&s->bus_lines);
    log_sources_init(&s->sources, cli->paths.log_dir);
    const int fds[] = {s->signal_fd, s->sources.inotify_fd, STDOUT_FILENO};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        /* Of standard output only that nobody reads it any more. A regular file is refused here. */
        struct epoll_event ev = {.events = fds[i] == STDOUT_FILENO ? 0 : EPOLLIN,
                                 .data.fd = fds[i]};
        (void)epoll_ctl(s->wait_fd, EPOLL_CTL_ADD, fds[i], &ev);
    }
}

void log_stream_fini(struct log_stream *s)
{
    lines_fini(&s->bus_lines);
    log_sources_fini(&s->sources);
    json_decref(s->paths);
    fd_close(&s->wait_fd);
    fd_close(&s->signal_fd);
}

/* ---- lines ---- */

static const json_t *row_of(const json_t *rows, int64_t id)
{
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)rows, i, row) {
        int64_t other;
        if (json_get_int(row, "id", &other) && other == id)
            return row;
    }
    return NULL;
}

static void show(struct log_stream *s, int64_t id, const char *name, enum log_kind kind,
                 struct str line)
{
    const struct log_origin from = {id, name ? name : "", kind, 0};
    if (line.n > 0 && log_grep_finds(s->grep, line)) /* PM2 drops empty lines here */
        log_show_line(s->show, &from, line);
}

struct reading {
    struct log_stream *stream;
    struct log_source *source;
    int64_t now_ms;
};

/* "2026-11-27T11:30:29: PM2 log: text" is `text` on the bus. */
static struct str without_prefix(struct str line)
{
    static const char *const words[] = {" PM2 log: ", " PM2 warn: ", " PM2 error: "};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = strlen(words[i]);
        const char *colon = memchr(line.p, ' ', line.n);
        if (colon && (size_t)(line.p + line.n - colon) >= n && memcmp(colon, words[i], n) == 0)
            return (struct str){colon + n, (size_t)(line.p + line.n - colon) - n};
    }
    return line;
}

static void on_file_line(void *ctx, struct str line)
{
    const struct reading *r = ctx;
    struct log_source *src = r->source;
    if (src->kind == LOG_PM2)
        line = without_prefix(line);
    if (src->shared && line.n > 0)
        log_owner_written(&src->owner, line, r->now_ms);
    else
        show(r->stream, src->id, src->name, src->kind, line);
}

static void on_owned_line(void *ctx, int64_t id, enum log_kind kind, struct str line)
{
    const struct reading *r = ctx;
    const struct log_source *src = r->source;
    if (id < 0) {
        show(r->stream, src->id, src->name, src->kind, line);
        return;
    }
    const json_t *row = row_of(r->stream->targets->meant, id);
    if (row && r->stream->wish.kind[kind])
        show(r->stream, id, json_get_str(row, "name"), kind, line);
}

/* Show what is there, but not for ever. Milliseconds until something is due; 0 = there is more. */
static int show_files(struct log_stream *s)
{
    struct log_source *src;
    struct reading r = {.stream = s, .now_ms = clock_mono_ms()};
    int wait_ms = -1;
    for (size_t i = 0; i < s->sources.count && (src = log_sources_next(&s->sources)); i++) {
        r.source = src;
        log_sources_stepped(&s->sources, src, growth_step(&src->growth, on_file_line, &r));
    }
    for (size_t i = 0; i < s->sources.count; i++) {
        r.source = s->sources.at[i];
        int due = log_owner_give(&r.source->owner, r.now_ms, !s->is_on_bus, on_owned_line, &r);
        if (due >= 0 && (wait_ms < 0 || due < wait_ms))
            wait_ms = due;
    }
    return log_sources_next(&s->sources) ? 0 : wait_ms;
}

/* Lines that never got their newline. */
static void show_rest(struct log_stream *s)
{
    struct reading r = {.stream = s, .now_ms = clock_mono_ms()};
    for (size_t i = 0; i < s->sources.count; i++) {
        r.source = s->sources.at[i];
        growth_flush(&r.source->growth, on_file_line, &r);
        (void)log_owner_give(&r.source->owner, r.now_ms, true, on_owned_line, &r);
    }
}

/* ---- who is there ---- */

static bool is_file(const char *path)
{
    struct stat st;
    return strcmp(path, "/dev/null") != 0 && (stat(path, &st) < 0 || S_ISREG(st.st_mode));
}

static void count_paths(struct log_stream *s)
{
    static const char *const keys[] = {"out_log", "err_log"};
    size_t i;
    json_t *row;
    json_decref(s->paths);
    s->paths = json_object();
    json_array_foreach (s->targets->all, i, row) {
        for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
            const char *path = json_get_str(row, keys[k]);
            int64_t n = 0;
            if (!path)
                continue;
            (void)json_get_int(s->paths, path, &n);
            json_object_set_new(s->paths, path, json_integer(n + 1));
        }
    }
}

static void follow_path(struct log_stream *s, const char *path, int64_t id, const char *name,
                        enum log_kind kind, bool is_begin)
{
    int64_t writers = 1;
    if (!path || !s->wish.kind[kind])
        return;
    if (!is_file(path)) {
        s->needs_bus = true;
        return;
    }
    (void)json_get_int(s->paths, path, &writers);
    struct log_source *src = log_sources_find(&s->sources, path);
    bool is_taken = src && src->shared && writers > 1 && row_of(s->targets->meant, src->id);
    if (!src)
        src = is_begin ? log_sources_add_end(&s->sources, path)
                       : log_sources_add_new(&s->sources, path);
    if (!is_taken)
        log_source_name(src, id, name ? name : "", kind, writers > 1);
    s->needs_bus = s->needs_bus || writers > 1;
}

static void follow_all(struct log_stream *s, bool is_begin)
{
    size_t i;
    json_t *row;
    s->needs_bus = s->show->look == LOG_LOOK_JSON;
    count_paths(s);
    if (s->wish.kind[LOG_PM2])
        follow_path(s, s->wish.pm2_log, LOG_PM2_ID, "PM2", LOG_PM2, is_begin);
    json_array_foreach (s->targets->meant, i, row) {
        const char *name = json_get_str(row, "name");
        int64_t id = 0;
        (void)json_get_int(row, "id", &id);
        follow_path(s, json_get_str(row, "out_log"), id, name, LOG_OUT, is_begin);
        follow_path(s, json_get_str(row, "err_log"), id, name, LOG_ERR, is_begin);
    }
}

static void join_bus(struct log_stream *s)
{
    struct err ignored = {0};
    if (s->needs_bus && !s->is_on_bus)
        s->is_on_bus = client_subscribe(s->cli->client, &ignored) == 0;
}

void log_stream_begin(struct log_stream *s)
{
    follow_all(s, true);
    join_bus(s);
    s->next_look_ms = clock_mono_ms() + LOOK_MS;
}

/* The daemon went away. One that died has a successor at once; of another one the user hears. */
static void is_gone(struct log_stream *s, int64_t now_ms)
{
    if (!s->is_away) {
        s->is_away = true;
        s->has_told = false;
        s->away_since_ms = now_ms;
    }
    if (s->has_told || now_ms - s->away_since_ms < TELL_AWAY_MS)
        return;
    s->has_told = true;
    ui_warn(&s->cli->ui, "the connection to the daemon is lost, waiting for it to come back");
}

static void look_around(struct log_stream *s)
{
    struct err e = {0};
    int64_t now_ms = clock_mono_ms();
    s->next_look_ms = now_ms + (s->sources.is_blind ? LOOK_BLIND_MS : LOOK_MS);
    log_sources_look(&s->sources);
    int rc = s->is_away ? cli_connect_again(s->cli, &e) : 0;
    rc = rc < 0 ? rc : log_targets_ask(s->targets, s->cli, ASK_MS, &e);
    if (rc < 0) {
        if (rc != -ETIMEDOUT)
            is_gone(s, now_ms);
        return;
    }
    if (s->is_away)
        s->is_on_bus = false;
    s->is_away = false;
    follow_all(s, false);
    join_bus(s);
}

/* ---- the bus ---- */

static void on_bus_line(void *ctx, const struct line_stream *from, struct str line)
{
    struct log_stream *s = ctx;
    enum log_kind kind = (enum log_kind)from->stream;
    const json_t *row = row_of(s->targets->all, from->id);
    const char *path = json_get_str(row, kind == LOG_ERR ? "err_log" : "out_log");
    if (!path || line.n == 0)
        return;
    struct log_source *src = log_sources_find(&s->sources, path);
    if (src && src->shared)
        log_owner_said(&src->owner, from->id, kind, line, clock_mono_ms());
    else if (!src && !is_file(path) && s->wish.kind[kind] && row_of(s->targets->meant, from->id))
        show(s, from->id, json_get_str(row, "name"), kind, line);
}

static void take_output(struct log_stream *s, enum log_kind kind, const json_t *event)
{
    const json_t *data = json_object_get(event, "data");
    int64_t id;
    if (!json_is_string(data) || !json_get_int(json_object_get(event, "process"), "pm_id", &id))
        return;
    if (!row_of(s->targets->all, id))
        look_around(s); /* it has just come */
    struct str text = {json_string_value(data), json_string_length(data)};
    lines_feed(&s->bus_lines, id, (int)kind, text, on_bus_line, s);
}

static void take_process_event(struct log_stream *s, const json_t *event)
{
    const char *status = json_get_str(event, "event");
    const char *name = json_get_str(json_object_get(event, "process"), "name");
    int64_t at_ms = 0;
    (void)json_get_int(event, "at", &at_ms);
    if (s->show->look == LOG_LOOK_JSON && status && name)
        log_show_event(s->show, status, name, at_ms);
}

static void take_event(struct log_stream *s, struct str topic, struct str payload)
{
    struct err ignored;
    AUTO_JSON event = json_read(payload, &ignored);
    if (str_eq_c(topic, "log:out"))
        take_output(s, LOG_OUT, event);
    else if (str_eq_c(topic, "log:err"))
        take_output(s, LOG_ERR, event);
    else if (str_eq_c(topic, "process:event"))
        take_process_event(s, event);
}

static int wait_bus(struct log_stream *s, int timeout_ms)
{
    struct err e = {0};
    struct pub_event event;
    int rc = client_event(s->cli->client, timeout_ms, s->wait_fd, &event, &e);
    if (rc > 0)
        take_event(s, event.topic, event.payload);
    if (rc < 0) {
        s->is_on_bus = false;
        s->next_look_ms = 0;
    }
    return rc;
}

/* ---- the loop ---- */

/* What woke us. False when that is the end: a signal, or that nobody reads (*ret_code). */
static bool take_wakes(struct log_stream *s, int *ret_code)
{
    struct epoll_event events[4];
    int n = epoll_wait(s->wait_fd, events, ARRAY_LEN(events), 0);
    for (int i = 0; i < n; i++) {
        if (events[i].data.fd == STDOUT_FILENO)
            *ret_code = 1;
        if (events[i].data.fd == STDOUT_FILENO || events[i].data.fd == s->signal_fd)
            return false;
        log_sources_dispatch(&s->sources);
    }
    return true;
}

static int time_left(const struct log_stream *s, int wait_ms)
{
    int64_t left = s->next_look_ms - clock_mono_ms();
    int64_t to_end = s->until_ms - clock_wall_ms();
    left = to_end < left ? to_end : left;
    left = left < 0 ? 0 : left;
    return wait_ms >= 0 && wait_ms < left ? wait_ms : (int)left;
}

int log_stream_run(struct log_stream *s)
{
    int code = 0;
    for (;;) {
        int wait_ms = time_left(s, show_files(s));
        if (wait_ms > 0 && ui_flush() < 0) {
            code = 1;
            break;
        }
        if (s->is_on_bus) {
            (void)wait_bus(s, wait_ms);
        } else {
            struct pollfd p = {.fd = s->wait_fd, .events = POLLIN};
            (void)poll(&p, 1, wait_ms);
        }
        if (!take_wakes(s, &code) || clock_wall_ms() >= s->until_ms)
            break;
        if (clock_mono_ms() >= s->next_look_ms)
            look_around(s);
    }
    show_rest(s);
    return code;
}
