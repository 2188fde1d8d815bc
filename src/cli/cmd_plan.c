/* SPDX-License-Identifier: MIT
 * pm2 plan: what `pm2 apply` of a process file would change; pm2 apply: change just that. */
#include <string.h>

#include "base/attr.h"
#include "cli/actions.h"
#include "cli/cmd.h"
#include "cli/files.h"
#include "json/read.h"

static const struct opt options[] = {
    {"--prune", NULL, "remove apps that have left the file", SC_FLAG, false},
};

static void add_ids(struct buf *out, const json_t *ids)
{
    size_t i;
    json_t *id;
    json_array_foreach (ids, i, id)
        buf_printf(out, "%s%lld", i > 0 ? ", " : " (id ", json_integer_value(id));
    if (json_array_size(ids) > 0)
        buf_add_byte(out, ')');
}

static void add_changes(struct buf *out, const json_t *changes)
{
    size_t i;
    json_t *change;
    json_array_foreach (changes, i, change)
        buf_printf(out, "%s%s", i > 0 ? ", " : ": ", json_string_value(change));
}

/* "~ web   restart: script, env.PORT (id 0, 1)" */
static void tell_app(struct cli *cli, const json_t *app)
{
    AUTO(buf) line = BUF_INIT;
    const char *step = json_get_str(app, "step");
    const char *ns = json_get_str(app, "namespace");
    bool starts = step && strcmp(step, "start") == 0;
    bool keeps = step && strcmp(step, "keep") == 0;
    buf_printf(&line, "%c %s", starts ? '+' : keeps ? '=' : '~', json_get_str(app, "name"));
    if (ns && strcmp(ns, "default") != 0)
        buf_printf(&line, " (%s)", ns);
    buf_printf(&line, "  %s", keeps ? "no change" : step);
    if (starts)
        buf_printf(&line, " (%lld instances)",
                   json_integer_value(json_object_get(app, "instances")));
    add_changes(&line, json_object_get(app, "changes"));
    add_ids(&line, json_object_get(app, "ids"));
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

static int run_plan(struct cli *cli, const struct args *args)
{
    const char *target = args->position.at[0];
    size_t i;
    json_t *item;
    if (!files_check(cli, target))
        return 1;
    AUTO_JSON answer = files_ask(cli, args, target, "plan");
    if (!answer || files_tell_notes(cli, target, answer))
        return 1;
    json_array_foreach (json_object_get(answer, "apps"), i, item)
        tell_app(cli, item);
    json_array_foreach (json_object_get(answer, "removed"), i, item) {
        AUTO(buf) line = BUF_INIT;
        buf_printf(&line, "- %s  remove (id %lld)", json_get_str(item, "name"),
                   json_integer_value(json_object_get(item, "id")));
        ui_line(&cli->ui, UI_OUT, buf_str(&line));
    }
    return 0;
}

static int run_apply(struct cli *cli, const struct args *args)
{
    static const struct file_order order = {.action = "apply", .method = "restartProcessId"};
    if (!files_check(cli, args->position.at[0]))
        return 1;
    int code = files_run(cli, args, args->position.at[0], &order);
    return code ? code : cli_list(cli, args);
}

const struct cmd cmd_plan_entry = {
    .name = "plan",
    .args = "<json>",
    CMD_OPTS(options),
    .summary = "show what apply would change",
    .flags = CMD_ATTRIBUTES,
    .run = run_plan,
};

const struct cmd cmd_apply_entry = {
    .name = "apply",
    .args = "<json>",
    CMD_OPTS(options),
    .summary = "make the running apps what a file says: start new ones, restart changed ones",
    .flags = CMD_ATTRIBUTES,
    .run = run_apply,
};
