/* SPDX-License-Identifier: MIT
 * pm2 logs: the last lines of the log files, then what comes over the bus.
 *
 * Nothing may be missing between the two, and nothing be shown twice. The sizes of the files are
 * taken before and after subscribing: where they are equal, the files up to there and the events
 * from there on are exactly the whole. Where an app wrote in between, it is tried again; when it
 * writes all the time, the later size is taken, which may show a chunk twice but loses none. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/follow.h"
#include "cli/log_files.h"
#include "cli/tail.h"
#include "cli/ui/text.h"
#include "os/fd.h"
#include "json/read.h"
#include "json/write.h"

#define LINES_DEFAULT   15
#define TAIL_LABEL      10 /* columns */
#define SUBSCRIBE_TRIES 5

static const struct opt options[] = {
    {"--json", NULL, "print JSON objects", SC_FLAG, true},
    {"--format", NULL, "print key=value lines", SC_FLAG, true},
    {"--raw", NULL, "print the lines as the app wrote them", SC_FLAG, false},
    {"--err", NULL, "only what was written to standard error", SC_FLAG, false},
    {"--out", NULL, "only what was written to standard output", SC_FLAG, false},
    {"--lines", "<n>", "lines of each file to begin with (15); 0 for none", SC_VALUE, false},
    {"--timestamp", "[format]", "put the time before each line", SC_OPTIONAL, true},
    {"--nostream", NULL, "end after the files", SC_FLAG, false},
    {"--highlight", "[text]", "mark a text", SC_OPTIONAL, true},
};

struct logs {
    struct cli *cli;
    const char *target;
    struct log_wish wish;
    size_t count;  /* lines of each file */
    json_t *known; /* what c.logs answered */
    struct follow follow;
};

/* The first `width` columns of `s`, without an ellipsis. */
static void add_first_columns(struct buf *out, struct str s, size_t width)
{
    while (s.n > 0) {
        size_t n;
        (void)text_next(s, &n);
        size_t w = text_width((struct str){s.p, n});
        if (w > width)
            return;
        width -= w;
        buf_add(out, s.p, n);
        s = (struct str){s.p + n, s.n - n};
    }
}

/* ---- files ---- */

struct tail_job {
    struct logs *logs;
    const struct log_file *file;
    struct str label;
    size_t shown;
};

static void on_tail_line(void *ctx, struct str line)
{
    struct tail_job *job = ctx;
    job->shown++;
    follow_put(&job->logs->follow, job->file->kind, job->label, line);
}

/* In a stream that goes on, the end of a line that has no newline yet comes over the bus. */
static void show_file(struct logs *l, const struct log_file *f, bool follows)
{
    AUTO(buf) head = BUF_INIT;
    AUTO(buf) full = BUF_INIT;
    AUTO(buf) label = BUF_INIT;
    AUTO(buf) partial = BUF_INIT;
    bool seed = follows && !f->shared && f->kind != LOG_PM2;
    buf_printf(&full, "%s last %zu lines:", f->path, l->count);
    style_add(&head, l->cli->ui.color[UI_OUT], STYLE_GREY, buf_str(&full));
    ui_line(&l->cli->ui, UI_OUT, buf_str(&head));
    buf_clear(&full);
    follow_label(&full, f->id, f->name);
    add_first_columns(&label, buf_str(&full), TAIL_LABEL);
    follow_pad(&label, TAIL_LABEL);
    buf_add_c(&label, " | ");
    struct tail_job job = {l, f, buf_str(&label), 0};
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? -errno
                    : tail_lines(fd, f->size, l->count, on_tail_line, &job, seed ? &partial : NULL);
    fd_close(&fd);
    if (rc < 0)
        ui_warn(&l->cli->ui, "cannot read %s: %s", f->path, err_text(rc));
    if (job.shown > 0)
        ui_line(&l->cli->ui, UI_OUT, STR(""));
    if (partial.len > 0)
        follow_seed(&l->follow, f->id, f->kind, buf_str(&partial));
}

static void show_files(struct logs *l, const struct log_files *files, bool follows)
{
    AUTO(buf) head = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    if (l->count == 0)
        return;
    buf_printf(&text,
               "[TAILING] Tailing last %zu lines for [%s] process%s (change the value with --lines "
               "option)",
               l->count, l->target, strcmp(l->target, "all") == 0 ? "es" : "");
    style_add(&head, l->cli->ui.color[UI_OUT], STYLE_BOLD_GREY, buf_str(&text));
    ui_line(&l->cli->ui, UI_OUT, buf_str(&head));
    for (size_t i = 0; i < files->count; i++)
        show_file(l, &files->at[i], follows);
    ui_flush();
}

/* Ask which processes are meant, and look at their files. False after an error was printed. */
static bool find_files(struct logs *l, struct log_files *ret)
{
    AUTO(buf) request = BUF_INIT;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "target", l->target);
    jw_obj_end(&w);
    json_decref(l->known);
    l->known = cli_ask(l->cli, "c.logs", buf_str(&request), CLI_ANSWER_MS);
    log_files_fini(ret);
    if (l->known)
        log_files_collect(ret, l->known, &l->wish);
    return l->known;
}

static bool is_unknown(const struct logs *l)
{
    return json_array_size(l->known) == 0 && strcmp(l->target, "all") != 0 &&
           strcmp(l->target, "PM2") != 0;
}

static int unknown_target(struct logs *l)
{
    ui_error(&l->cli->ui, "Process or Namespace %s not found", l->target);
    return 1;
}

/* ---- events ---- */

static bool is_known_id(const struct logs *l, int64_t id)
{
    size_t i;
    json_t *row;
    json_array_foreach (l->known, i, row) {
        int64_t known;
        if (json_get_int(row, "id", &known) && known == id)
            return true;
    }
    return false;
}

/* Processes that were added later are meant too when their name or namespace is. */
static bool is_meant(void *ctx, const json_t *proc, int64_t id)
{
    const struct logs *l = ctx;
    const char *name = json_get_str(proc, "name");
    const char *ns = json_get_str(proc, "namespace");
    return strcmp(l->target, "all") == 0 || is_known_id(l, id) ||
           (name && strcmp(name, l->target) == 0) || (ns && strcmp(ns, l->target) == 0);
}

static bool same_sizes(const struct log_files *before, const struct log_files *after)
{
    for (size_t i = 0; i < after->count; i++) {
        const struct log_file *f = log_files_find(before, after->at[i].path);
        if (f ? f->size != after->at[i].size : after->at[i].size > 0)
            return false;
    }
    return true;
}

/* Subscribe, and find the sizes that belong to that moment. False after an error was printed. */
static bool subscribe(struct logs *l, struct log_files *files)
{
    AUTO(log_files) before = {0};
    struct err e = {0};
    for (int i = 0; i < SUBSCRIBE_TRIES; i++) {
        if (!find_files(l, &before))
            return false;
        if (client_subscribe(l->cli->client, &e) < 0) {
            cli_fail(l->cli, &e);
            return false;
        }
        /* When this call has returned, the daemon has taken the subscription in. */
        if (!find_files(l, files))
            return false;
        if (same_sizes(&before, files))
            break;
    }
    return true;
}

static int stream(struct logs *l)
{
    AUTO(log_files) files = {0};
    follow_catch(&l->follow);
    if (!subscribe(l, &files))
        return 1;
    if (is_unknown(l))
        return unknown_target(l);
    show_files(l, &files, true);
    return follow_end(&l->follow, follow_run(&l->follow));
}

static int show_once(struct logs *l)
{
    AUTO(log_files) files = {0};
    if (!find_files(l, &files))
        return 1;
    show_files(l, &files, false);
    if (is_unknown(l))
        (void)unknown_target(l); /* PM2's exit code is 0 */
    return 0;
}

/* ---- command ---- */

static bool read_options(struct logs *l, const struct args *args)
{
    long long n = LINES_DEFAULT;
    const char *lines = args_value(args, "--lines");
    bool err = args_has(args, "--err");
    bool out = args_has(args, "--out") && !err;
    if (lines && (!str_to_int(str_from(lines), &n) || n == LLONG_MIN)) {
        ui_error(&l->cli->ui, "--lines: expected a number, not %s", lines);
        return false;
    }
    l->count = (size_t)(n < 0 ? -n : n);
    l->follow.raw = args_has(args, "--raw");
    bool own = !l->follow.raw && !err && !out;
    bool only_own = strcmp(l->target, "PM2") == 0;
    l->wish = (struct log_wish){
        .kind = {[LOG_PM2] = only_own || (own && strcmp(l->target, "all") == 0),
                 [LOG_OUT] = !err,
                 [LOG_ERR] = !out},
        .pm2_log = l->cli->paths.log_file,
    };
    memcpy(l->follow.kind, l->wish.kind, sizeof(l->follow.kind));
    return true;
}

static int run(struct cli *cli, const struct args *args)
{
    struct logs l = {.cli = cli, .target = args->position.count > 0 ? args->position.at[0] : "all"};
    follow_init(&l.follow, cli);
    l.follow.is_meant = is_meant;
    l.follow.ctx = &l;
    int code = 1;
    if (read_options(&l, args) && cli_connect(cli, CLI_LAUNCH) == 0)
        code = args_has(args, "--nostream") ? show_once(&l) : stream(&l);
    follow_fini(&l.follow);
    json_decref(l.known);
    return code;
}

const struct cmd cmd_logs_entry = {
    .name = "logs",
    .aliases = {"log"},
    .args = "[id|name|namespace|/regex/]",
    CMD_OPTS(options),
    .summary = "show the last log lines, then follow",
    .run = run,
};
