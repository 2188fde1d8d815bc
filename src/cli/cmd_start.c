/* SPDX-License-Identifier: MIT
 * pm2 start: scripts, programs and shell lines as new apps; names and ids as restarts. What a
 * target is, is decided by the daemon. */
#include <string.h>

#include "base/attr.h"
#include "cli/actions.h"
#include "cli/cmd.h"
#include "cli/config_out.h"
#include "cli/files.h"
#include "cli/foreground.h"
#include "json/read.h"

#define DEFAULT_CONFIG "ecosystem.config.js"

static const struct opt options[] = {
    {"--fresh", NULL, "container: make a new image", SC_FLAG, true},
    {"--daemon", NULL, "container: run in the background", SC_FLAG, true},
    {"--container", NULL, "run the app in a container", SC_FLAG, true},
    {"--dist", NULL, "container: put the folder into the image", SC_FLAG, true},
    {"--image-name", "[name]", "container: name of the image", SC_OPTIONAL, true},
    {"--node-version", "[major]", "container: version of Node", SC_OPTIONAL, true},
    {"--dockerdaemon", NULL, "container: internal", SC_FLAG, true},
};

/* Some of the words behind the command, one after the other. */
struct span {
    size_t from, count;
};

static int write_request(struct cli *cli, const struct args *args, struct span span,
                         struct buf *out)
{
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_key(&w, "targets");
    jw_arr_begin(&w);
    for (size_t i = 0; i < span.count; i++)
        jw_str(&w, args->position.at[span.from + i]);
    jw_arr_end(&w);
    action_write_changes(cli, args, &w);
    jw_kstr(&w, "cwd", cli->cwd);
    jw_kbool(&w, "update_env", args_has(args, "--update-env"));
    int code = action_write_env(cli, &w, false);
    jw_obj_end(&w);
    return code;
}

static void tell_started(struct cli *cli, const json_t *r, bool failed)
{
    size_t i;
    json_t *id;
    long long n = json_integer_value(json_object_get(r, "instances"));
    const char *path = json_get_str(r, "path");
    const char *mode = json_get_str(r, "mode");
    ui_info(&cli->ui, "Starting %s in %s (%lld instance%s)", path ? path : "", mode ? mode : "", n,
            n > 1 ? "s" : "");
    if (failed)
        return;
    ui_info(&cli->ui, "Done.");
    json_array_foreach (json_object_get(r, "ids"), i, id)
        foreground_note(cli, json_integer_value(id));
}

/* A stopped app that is started by its script is restarted by its name, and shown so. */
static const char *shown_target(const json_t *r)
{
    const char *target = json_get_str(r, "target");
    const json_t *first = json_array_get(json_object_get(r, "restarted"), 0);
    const char *name = json_string_value(json_array_get(first, 0));
    bool is_path = target && (strchr(target, '/') || strrchr(target, '.') > target);
    return name && (is_path || !target) ? name : target ? target : "";
}

/* The ids as PM2 shows them: the one of a numeric target is a text there. New reference. */
static json_t *shown_ids(const json_t *r)
{
    const char *target = json_get_str(r, "target");
    json_t *ids = json_object_get(r, "ids");
    long long id;
    if (json_array_size(ids) == 1 && target && str_to_int(str_from(target), &id) &&
        json_integer_value(json_array_get(ids, 0)) == id)
        return json_pack("[s]", target);
    return json_incref(ids);
}

static void tell_restarted(struct cli *cli, const json_t *r, bool failed)
{
    size_t i;
    json_t *pair;
    AUTO_JSON ids = shown_ids(r);
    action_tell(cli, "restartProcessId", shown_target(r), ids);
    json_array_foreach (json_object_get(r, "restarted"), i, pair) {
        const char *name = json_string_value(json_array_get(pair, 0));
        action_tell_done(cli, name, json_integer_value(json_array_get(pair, 1)));
    }
    if (!failed)
        ui_info(&cli->ui, "Process successfully started");
}

/* Exit code. */
static int tell_result(struct cli *cli, const struct args *args, const json_t *r, bool failed)
{
    const char *action = json_get_str(r, "action");
    int code = 0;
    action_tell_warnings(cli, json_object_get(r, "warnings"));
    if (action && strcmp(action, "restarted") == 0) {
        tell_restarted(cli, r, failed);
        return 0;
    }
    if (args_has(args, "--write"))
        code = config_out_write(cli, args, json_get_str(r, "target"));
    tell_started(cli, r, failed);
    return code;
}

/* Words that are no files, in one call; exit code. */
static int start_words(struct cli *cli, const struct args *args, struct span span)
{
    AUTO(buf) request = BUF_INIT;
    size_t i;
    json_t *r;
    if (cli_connect(cli, CLI_LAUNCH) < 0)
        return 1;
    action_tell_cron(cli, args);
    if (write_request(cli, args, span, &request) != 0)
        return 1;
    AUTO_JSON answer = cli_ask(cli, "c.start", buf_str(&request), 0);
    if (!answer)
        return 1;
    const char *error = json_get_str(answer, "error");
    const json_t *results = json_object_get(answer, "results");
    int code = 0;
    json_array_foreach (results, i, r) {
        /* The target that failed is listed when it got as far as a process. */
        bool last = error && i + 1 == span.count;
        code |= tell_result(cli, args, r, last || json_has(r, "error"));
    }
    action_tell_warnings(cli, json_object_get(answer, "warnings"));
    return error ? action_fail(cli, error) : code;
}

static int start_file(struct cli *cli, const struct args *args, const char *target)
{
    static const struct file_order order = {.action = "start", .method = "restartProcessId"};
    return files_run(cli, args, target, &order);
}

/* Files and other words in the order in which they stand; the first failure ends it. */
static int start_all(struct cli *cli, const struct args *args)
{
    const struct words *words = &args->position;
    int code = words->count == 0 ? start_file(cli, args, DEFAULT_CONFIG) : 0;
    for (size_t i = 0; i < words->count && code == 0;) {
        struct span span = {.from = i};
        while (i + span.count < words->count && !files_is(words->at[i + span.count]))
            span.count++;
        code = span.count > 0 ? start_words(cli, args, span) : start_file(cli, args, words->at[i]);
        i += span.count > 0 ? span.count : 1;
    }
    return code;
}

static int run(struct cli *cli, const struct args *args)
{
    cli->attaches = args_has(args, "--attach");
    int code = start_all(cli, args);
    return code ? code : cli_list(cli, args);
}

const struct cmd cmd_start_entry = {
    .name = "start",
    .args = "[name|namespace|file|ecosystem|id...]",
    CMD_OPTS(options),
    .summary = "start apps and keep them running",
    .flags = CMD_ATTRIBUTES | CMD_LITERAL,
    .run = run,
};
