/* SPDX-License-Identifier: MIT
 * pm2 logs: the last lines of the log files, then what is written from there on. Each file is
 * opened before its end is shown, and followed from the very byte where that ended: so nothing is
 * missing between the two, and nothing is shown twice. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "app/select.h"
#include "base/attr.h"
#include "base/limits.h"
#include "cli/cmd.h"
#include "cli/follow.h"
#include "cli/log_past.h"
#include "cli/log_time.h"
#include "os/clock.h"

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
    {"--since", "<time>", "what was written from then on: 10m, 12:30, yesterday, 2026-11-27 12:30",
     SC_VALUE, false},
    {"--until", "<time>", "and no later than that", SC_VALUE, false},
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
    struct log_past past;
};

static const char *const everything[] = {"all"};

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
    s.until_ms = l->past.until_ms;
    int signal_fd = s.signal_fd;
    int code = 1;
    if (ask(l)) {
        log_stream_begin(&s);
        log_files_collect(&files, l->targets.meant, &l->wish);
        log_past_show(&l->past, &files, &s.sources);
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
    log_past_show(&l->past, &files, NULL);
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
    l->past.count = (size_t)(n < 0 ? -n : n);
    l->past.has_count = lines;
    return true;
}

static bool read_time(const struct logs *l, const struct args *args, const char *option,
                      const char **ret_text, int64_t *ret_ms)
{
    struct err e = {0};
    *ret_text = args_value(args, option);
    if (!*ret_text || log_time_parse(option, *ret_text, l->past.now_ms, ret_ms, &e) == 0)
        return true;
    cli_fail(l->cli, &e);
    return false;
}

static bool read_times(struct logs *l, const struct args *args)
{
    struct log_past *p = &l->past;
    p->now_ms = clock_wall_ms();
    p->since_ms = INT64_MIN;
    p->until_ms = INT64_MAX;
    if (!read_time(l, args, "--since", &p->since, &p->since_ms) ||
        !read_time(l, args, "--until", &p->until, &p->until_ms))
        return false;
    if ((p->since || p->until) && p->has_count && p->count > LIMIT_CLI_KEPT_LINES) {
        ui_error(&l->cli->ui, "--lines: at most %zu beside --since and --until",
                 (size_t)LIMIT_CLI_KEPT_LINES);
        return false;
    }
    if (p->since_ms <= p->until_ms)
        return true;
    ui_error(&l->cli->ui, "--until: %s is before --since: %s", p->until, p->since);
    return false;
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
    /* PM2: --nostream wins over --json and --format. Times are not PM2's, and want their form. */
    bool has_times = args_has(args, "--since") || args_has(args, "--until");
    bool streams = !args_has(args, "--nostream") || has_times;
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
    l.past.cli = cli;
    l.past.targets = &l.targets;
    l.past.show = &l.show;
    read_looks(&l, args);
    read_kinds(&l, args);
    int code = 1;
    if (read_count(&l, args) && read_times(&l, args) && read_grep(&l, args) && check_targets(&l) &&
        cli_connect(cli, CLI_LAUNCH) == 0) {
        bool is_past = l.past.until_ms <= l.past.now_ms;
        l.past.grep = l.grep;
        code = is_past || args_has(args, "--nostream") ? show_once(&l) : stream(&l);
    }
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
