/* SPDX-License-Identifier: MIT
 * pm2 logs: the last lines of the log files, then what is written from there on. Each file is
 * opened before its end is shown, and followed from the very byte where that ended: so nothing is
 * missing between the two, and nothing is shown twice. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "app/select.h"
#include "base/attr.h"
#include "cli/cmd.h"
#include "cli/follow.h"
#include "cli/log_stream.h"
#include "cli/tail.h"
#include "os/fd.h"
#include "json/read.h"

#define LINES_DEFAULT     15
#define TIMESTAMP_DEFAULT "YYYY-MM-DD-HH:mm:ss"

static const struct opt options[] = {
    {"--json", NULL, "print JSON objects", SC_FLAG, false},
    {"--format", NULL, "print key=value lines", SC_FLAG, false},
    {"--raw", NULL, "print the lines as the app wrote them", SC_FLAG, false},
    {"--err", NULL, "only what was written to standard error", SC_FLAG, false},
    {"--out", NULL, "only what was written to standard output", SC_FLAG, false},
    {"--lines", "<n>", "lines of each file to begin with (15); 0 for none", SC_VALUE, false},
    {"--timestamp", "[format]", "put the time before each line (YYYY-MM-DD-HH:mm:ss)", SC_OPTIONAL,
     false},
    {"--nostream", NULL, "end after the files", SC_FLAG, false},
    {"--highlight", "[text]", "mark a text", SC_OPTIONAL, false},
    {"--grep", "<regex>", "only lines in which this is found", SC_VALUE, false},
    {"--ignore-case", NULL, "--grep: capitals and small letters are the same", SC_FLAG, false},
};

struct logs {
    struct cli *cli;
    struct log_targets targets;
    struct log_wish wish;
    struct log_show show;
    struct log_grep *grep;
    size_t count; /* lines of each file */
};

static const char *const everything[] = {"all"};

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
    log_show_tail(&job->logs->show, job->file->kind, job->label, line);
}

static bool tail_wants(void *ctx, struct str line)
{
    const struct tail_job *job = ctx;
    return log_grep_finds(job->logs->grep, line);
}

static void show_head(struct logs *l, const char *path)
{
    AUTO(buf) head = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "%s last %zu lines:", path, l->count);
    style_add(&head, l->cli->ui.color[UI_OUT], STYLE_GREY, buf_str(&text));
    ui_line(&l->cli->ui, UI_OUT, buf_str(&head));
}

/* The end of a file; with `g` up to where it is followed from. In a stream that goes on, the end of
 * a line that has no newline yet is still to come. */
static void show_file(struct logs *l, const struct log_file *f, struct growth *g)
{
    AUTO(buf) label = BUF_INIT;
    log_show_tail_label(&label, f->id, f->name);
    struct tail_job job = {l, f, buf_str(&label), 0};
    const struct tail tail = {.count = l->count,
                              .line = on_tail_line,
                              .wants = l->grep ? tail_wants : NULL,
                              .ctx = &job,
                              .partial = g ? &g->open : NULL};
    if (l->count > 0)
        show_head(l, f->path);
    int own_fd = g ? -1 : open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int fd = g ? g->fd : own_fd;
    int rc = fd < 0 ? -errno : tail_lines(fd, g ? g->at : f->size, &tail);
    fd_close(&own_fd);
    if (rc < 0)
        ui_warn(&l->cli->ui, "cannot read %s: %s", f->path, err_text(rc));
    if (job.shown > 0)
        ui_line(&l->cli->ui, UI_OUT, STR(""));
}

static void show_title(struct logs *l)
{
    AUTO(buf) head = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) names = BUF_INIT;
    for (size_t i = 0; i < l->targets.count; i++)
        buf_printf(&names, "%s%s", i > 0 ? " " : "", l->targets.at[i]);
    buf_printf(&text,
               "[TAILING] Tailing last %zu lines for [%s] process%s (change the value with --lines "
               "option)",
               l->count, names.data, log_targets_has(&l->targets, "all") ? "es" : "");
    style_add(&head, l->cli->ui.color[UI_OUT], STYLE_BOLD_GREY, buf_str(&text));
    ui_line(&l->cli->ui, UI_OUT, buf_str(&head));
}

/* `sources`: those that are followed afterwards, NULL = none. */
static void show_files(struct logs *l, const struct log_files *files,
                       const struct log_sources *sources)
{
    if (l->count > 0)
        show_title(l);
    for (size_t i = 0; i < files->count; i++) {
        const struct log_file *f = &files->at[i];
        struct log_source *src = sources ? log_sources_find(sources, f->path) : NULL;
        if (src && src->growth.fd >= 0)
            show_file(l, f, &src->growth);
        else if (!sources)
            show_file(l, f, NULL);
    }
    ui_flush();
}

/* ---- the two ways ---- */

/* False after an error was printed. */
static bool ask(struct logs *l)
{
    struct err e = {0};
    if (log_targets_ask(&l->targets, l->cli, CLI_ANSWER_MS, &e) == 0)
        return true;
    cli_fail(l->cli, &e);
    return false;
}

static bool is_unknown(const struct logs *l)
{
    return json_array_size(l->targets.meant) == 0 && !log_targets_has(&l->targets, "all") &&
           !log_targets_has(&l->targets, "PM2");
}

static int unknown_target(struct logs *l)
{
    AUTO(buf) names = BUF_INIT;
    for (size_t i = 0; i < l->targets.count; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", l->targets.at[i]);
    ui_error(&l->cli->ui, "Process or Namespace %s not found", names.data);
    return 1;
}

static int stream(struct logs *l)
{
    AUTO(log_files) files = {0};
    struct log_stream s;
    log_stream_init(&s, l->cli);
    s.targets = &l->targets;
    s.show = &l->show;
    s.grep = l->grep;
    s.wish = l->wish;
    int signal_fd = s.signal_fd;
    int code = 1;
    if (ask(l)) {
        log_stream_begin(&s);
        log_files_collect(&files, l->targets.meant, &l->wish);
        bool tails = l->show.look == LOG_LOOK_PLAIN || l->show.look == LOG_LOOK_RAW;
        l->count = tails ? l->count : 0;
        show_files(l, &files, &s.sources);
        code = is_unknown(l) ? unknown_target(l) : log_stream_run(&s);
    }
    int signo = follow_release(signal_fd);
    log_stream_fini(&s);
    return follow_die(signo, code);
}

static int show_once(struct logs *l)
{
    AUTO(log_files) files = {0};
    if (!ask(l))
        return 1;
    log_files_collect(&files, l->targets.meant, &l->wish);
    if (l->count > 0)
        show_files(l, &files, NULL);
    if (is_unknown(l))
        (void)unknown_target(l); /* PM2's exit code is 0 */
    return 0;
}

/* ---- command ---- */

static bool read_count(struct logs *l, const struct args *args)
{
    long long n = LINES_DEFAULT;
    const char *lines = args_value(args, "--lines");
    if (lines && (!str_to_int(str_from(lines), &n) || n == LLONG_MIN)) {
        ui_error(&l->cli->ui, "--lines: expected a number, not %s", lines);
        return false;
    }
    l->count = (size_t)(n < 0 ? -n : n);
    return true;
}

static bool read_grep(struct logs *l, const struct args *args)
{
    struct err e = {0};
    const char *pattern = args_value(args, "--grep");
    bool ignore_case = args_has(args, "--ignore-case");
    if (!pattern && ignore_case) {
        ui_error(&l->cli->ui, "--ignore-case: belongs to --grep, which is missing");
        return false;
    }
    if (!pattern || log_grep_new(pattern, ignore_case, &l->grep, &e) == 0)
        return true;
    cli_fail(l->cli, &e);
    return false;
}

/* The daemon takes a pattern that is none for one that finds nothing. */
static bool check_targets(struct logs *l)
{
    struct err e = {0};
    int id;
    for (size_t i = 0; i < l->targets.count; i++) {
        const char *target = l->targets.at[i];
        if (target[0] == '/' && select_targets(NULL, 0, target, "/", 0, &id, &e) == -EINVAL) {
            cli_fail(l->cli, &e);
            return false;
        }
    }
    return true;
}

static void read_looks(struct logs *l, const struct args *args)
{
    const struct given *timestamp = args_given(args, "--timestamp");
    l->show = log_show_to(&l->cli->ui);
    l->show.highlight = args_value(args, "--highlight");
    l->show.timestamp_style = STYLE_DIM_GREY;
    if (timestamp)
        l->show.timestamp = timestamp->value ? timestamp->value : TIMESTAMP_DEFAULT;
    bool streams = !args_has(args, "--nostream"); /* PM2: it wins over --json and --format */
    if (streams && args_has(args, "--json"))
        l->show.look = LOG_LOOK_JSON;
    else if (streams && args_has(args, "--format"))
        l->show.look = LOG_LOOK_FORMAT;
    else if (args_has(args, "--raw"))
        l->show.look = LOG_LOOK_RAW;
}

static void read_kinds(struct logs *l, const struct args *args)
{
    bool err = args_has(args, "--err");
    bool out = args_has(args, "--out") && !err;
    bool own = !args_has(args, "--raw") && !err && !out;
    l->wish = (struct log_wish){
        .kind = {[LOG_PM2] = log_targets_has(&l->targets, "PM2") ||
                             (own && log_targets_has(&l->targets, "all")),
                 [LOG_OUT] = !err,
                 [LOG_ERR] = !out},
        .pm2_log = l->cli->paths.log_file,
    };
}

static int run(struct cli *cli, const struct args *args)
{
    struct logs l = {.cli = cli, .targets = {.at = everything, .count = 1}};
    if (args->position.count > 0) {
        l.targets.at = args->position.at;
        l.targets.count = args->position.count;
    }
    read_looks(&l, args);
    read_kinds(&l, args);
    int code = 1;
    if (read_count(&l, args) && read_grep(&l, args) && check_targets(&l) &&
        cli_connect(cli, CLI_LAUNCH) == 0)
        code = args_has(args, "--nostream") ? show_once(&l) : stream(&l);
    log_grep_free(l.grep);
    log_targets_fini(&l.targets);
    return code;
}

const struct cmd cmd_logs_entry = {
    .name = "logs",
    .aliases = {"log"},
    .args = "[id|name|namespace|/regex/...]",
    CMD_OPTS(options),
    .summary = "show the last log lines, then follow",
    .run = run,
};
