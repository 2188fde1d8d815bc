/* SPDX-License-Identifier: MIT
 * Which facts `pm2 describe` shows, in PM2's order and under PM2's names; those at the
 * end, from "exit code" on, are ours. */
#include "cli/detail.h"

#include <string.h>

#include "base/attr.h"
#include "cli/ui/style.h"
#include "cli/ui/table.h"
#include "cli/ui/text.h"
#include "cli/ui/time.h"
#include "json/read.h"
#include "json/write.h"

#define PIPE_COLUMNS  300
#define DIVERGENT_CUT 60 /* columns of the terminal that a differing value leaves free */
#define COMMENT_CUT   60

extern char **environ;

/* ---- values ---- */

/* Texts and numbers as they are, lists joined by blanks; nothing for what is not there. */
static void add_plain(struct buf *out, const json_t *value)
{
    size_t i;
    json_t *item;
    if (json_is_string(value)) {
        buf_add_c(out, json_string_value(value));
    } else if (json_is_array(value)) {
        json_array_foreach ((json_t *)value, i, item) {
            if (i > 0)
                buf_add_byte(out, ' ');
            add_plain(out, item);
        }
    } else if (value && !json_is_null(value) && !json_is_object(value)) {
        struct jw w = jw_to(out);
        jw_dom(&w, value);
    }
}

static const char *status_of(const json_t *env)
{
    const char *status = json_get_str(env, "status");
    return status ? status : "stopped";
}

static void add_uptime(struct buf *out, const json_t *env, const struct detail_look *look)
{
    int64_t ms = 0;
    bool is_online = strcmp(status_of(env), "online") == 0;
    if (is_online && json_get_int(env, "uptime", &ms))
        time_span(out, ms);
    else if (is_online && json_get_int(env, "pm_uptime", &ms))
        time_span(out, look->now_ms - ms);
    else
        buf_add_c(out, "0");
}

static void add_created(struct buf *out, const json_t *env, const struct detail_look *look)
{
    int64_t at;
    (void)look;
    if (json_get_int(env, "created_at", &at))
        time_iso(out, at);
}

static void add_node_env(struct buf *out, const json_t *env, const struct detail_look *look)
{
    (void)look;
    add_plain(out, json_object_get(json_object_get(env, "env"), "NODE_ENV"));
}

static void add_watch(struct buf *out, const json_t *env, const struct detail_look *look)
{
    (void)look;
    buf_add_c(out, json_truthy(json_object_get(env, "watch")) ? "✔" : "✘");
}

/* null: it ended, but not as a child of the keeper of now, so nobody was told how. */
static void add_exit_code(struct buf *out, const json_t *env, const struct detail_look *look)
{
    const json_t *code = json_object_get(env, "exit_code");
    (void)look;
    if (json_is_null(code))
        buf_add_c(out, "unknown");
    else
        add_plain(out, code);
}

static void add_reason(struct buf *out, const json_t *env, const struct detail_look *look)
{
    const char *reason = json_get_str(env, "reason");
    int64_t at;
    if (!reason)
        return;
    buf_printf(out, "cannot start: %s", reason);
    if (json_get_int(env, "reason_at", &at)) {
        buf_add_c(out, " (since ");
        time_span(out, look->now_ms - at);
        buf_add_byte(out, ')');
    }
}

/* "nofile 100 200, core 0 0" */
static void add_members(struct buf *out, const json_t *object)
{
    const char *key;
    json_t *value;
    size_t start = out->len;
    json_object_foreach ((json_t *)object, key, value) {
        buf_printf(out, "%s%s ", out->len > start ? ", " : "", key);
        add_plain(out, value);
    }
}

static void add_rlimits(struct buf *out, const json_t *env, const struct detail_look *look)
{
    (void)look;
    add_members(out, json_object_get(env, "rlimits"));
}

static void add_cgroup(struct buf *out, const json_t *env, const struct detail_look *look)
{
    (void)look;
    add_members(out, json_object_get(env, "cgroup"));
}

static void add_depends(struct buf *out, const json_t *env, const struct detail_look *look)
{
    const json_t *depends = json_object_get(env, "depends_on");
    (void)look;
    if (json_is_object(depends))
        add_members(out, depends);
    else
        add_plain(out, depends);
}

static void add_cron_next(struct buf *out, const json_t *env, const struct detail_look *look)
{
    int64_t at;
    (void)look;
    if (json_get_int(env, "cron_next", &at))
        time_iso(out, at);
}

static void add_health(struct buf *out, const json_t *env, const struct detail_look *look)
{
    const json_t *health = json_object_get(env, "health_state");
    int64_t failures = 0;
    int64_t at;
    add_plain(out, json_object_get(health, "status"));
    if (json_get_int(health, "failures", &failures) && failures > 0)
        buf_printf(out, ", %lld failed in a row", (long long)failures);
    if (json_get_int(health, "checked_at", &at)) {
        buf_add_c(out, " (asked ");
        time_span(out, look->now_ms - at);
        buf_add_c(out, " ago)");
    }
}

static void add_health_error(struct buf *out, const json_t *env, const struct detail_look *look)
{
    (void)look;
    add_plain(out, json_object_get(json_object_get(env, "health_state"), "error"));
}

static void add_log_dropped(struct buf *out, const json_t *env, const struct detail_look *look)
{
    int64_t bytes = 0;
    (void)look;
    if (json_get_int(env, "log_dropped", &bytes))
        buf_printf(out, "%lld bytes", (long long)bytes);
}

/* "[::]:80 (sticky), shared with app other; ..." */
static void add_listens(struct buf *out, const json_t *env, const struct detail_look *look)
{
    size_t i;
    json_t *one;
    (void)look;
    json_array_foreach (json_object_get(env, "listens_on"), i, one) {
        const json_t *others = json_object_get(one, "shared_with");
        if (i > 0)
            buf_add_c(out, "; ");
        add_plain(out, json_object_get(one, "place"));
        buf_add_c(out, " (");
        add_plain(out, json_object_get(one, "balance"));
        buf_add_byte(out, ')');
        if (json_array_size(others) > 0)
            buf_add_c(out, ", shared with app ");
        add_plain(out, others);
    }
}

/* ---- the first table ---- */

struct fact {
    const char *label;
    const char *key; /* in pm2_env; or: */
    void (*add)(struct buf *out, const json_t *env, const struct detail_look *look);
    bool optional; /* no line when there is no value; else N/A */
};

static const struct fact facts[] = {
    {"status", "status", NULL, false},
    {"name", "name", NULL, false},
    {"namespace", "namespace", NULL, false},
    {"version", "version", NULL, false},
    {"restarts", "restart_time", NULL, false},
    {"max memory restart", "max_memory_restart", NULL, true},
    {"cron restart", "cron_restart", NULL, true},
    {"uptime", NULL, add_uptime, false},
    {"entire log path", "pm_log_path", NULL, true},
    {"script path", "pm_exec_path", NULL, false},
    {"script args", "args", NULL, false},
    {"error log path", "pm_err_log_path", NULL, false},
    {"out log path", "pm_out_log_path", NULL, false},
    {"pid path", "pm_pid_path", NULL, false},
    {"interpreter", "exec_interpreter", NULL, false},
    {"interpreter args", "node_args", NULL, false},
    {"script id", "pm_id", NULL, false},
    {"exec cwd", "pm_cwd", NULL, false},
    {"exec mode", "exec_mode", NULL, false},
    {"node.js version", "node_version", NULL, false},
    {"node env", NULL, add_node_env, false},
    {"watch & reload", NULL, add_watch, false},
    {"unstable restarts", "unstable_restarts", NULL, false},
    {"created at", NULL, add_created, false},
    {"exit code", NULL, add_exit_code, true},
    {"reason", NULL, add_reason, true},
    {"listens on", NULL, add_listens, true},
    {"cannot listen on", "listen_error", NULL, true},
    {"next cron restart", NULL, add_cron_next, true},
    {"listens on", "listen", NULL, true},
    {"depends on", NULL, add_depends, true},
    {"health", NULL, add_health, true},
    {"health error", NULL, add_health_error, true},
    {"says", "notify_status", NULL, true},
    {"log dropped", NULL, add_log_dropped, true},
    {"log waits", "log_waits", NULL, true},
    {"nice", "nice", NULL, true},
    {"rlimits", NULL, add_rlimits, true},
    {"cgroup", NULL, add_cgroup, true},
};

static enum style style_of_fact(const struct fact *f, const json_t *env)
{
    if (f->key && strcmp(f->key, "status") == 0)
        return style_of_status(status_of(env));
    if (f->add == add_watch && json_truthy(json_object_get(env, "watch")))
        return STYLE_BOLD_GREEN;
    if (f->key && strcmp(f->key, "listen_error") == 0)
        return STYLE_RED;
    return f->add == add_reason || f->add == add_health_error ? STYLE_RED : STYLE_NONE;
}

static void fact_text(const struct fact *f, const json_t *env, const struct detail_look *look,
                      struct buf *out)
{
    if (f->add)
        f->add(out, env, look);
    else
        add_plain(out, json_object_get(env, f->key));
}

static const struct table_column pair_columns[] = {{NULL, 0}, {NULL, 0}};

static void draw_facts(const json_t *env, const struct detail_look *look, struct buf *out)
{
    AUTO(table) t = {0};
    table_init(&t, pair_columns, ARRAY_LEN(pair_columns));
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        AUTO(buf) text = BUF_INIT;
        fact_text(&facts[i], env, look, &text);
        if (text.len == 0 && facts[i].optional)
            continue;
        table_add_c(&t, STYLE_NONE, facts[i].label);
        table_add(&t, style_of_fact(&facts[i], env), text.len > 0 ? buf_str(&text) : STR("N/A"));
    }
    table_draw(&t, look->color, look->frames, out);
}

/* ---- the others ---- */

static void add_title(struct buf *out, const struct detail_look *look, const char *title)
{
    style_add(out, look->color, STYLE_INVERSE_BOLD, str_from(title));
    buf_add_byte(out, '\n');
}

static void add_pair(struct table *t, const char *label, struct str value)
{
    table_add_c(t, STYLE_NONE, label);
    table_add(t, STYLE_NONE, value);
}

static void draw_members(const char *title, const json_t *object, const struct detail_look *look,
                         struct buf *out)
{
    AUTO(table) t = {0};
    const char *key;
    json_t *value;
    if (json_object_size(object) == 0)
        return;
    table_init(&t, pair_columns, ARRAY_LEN(pair_columns));
    json_object_foreach ((json_t *)object, key, value) {
        AUTO(buf) text = BUF_INIT;
        add_plain(&text, value);
        add_pair(&t, key, buf_str(&text));
    }
    add_title(out, look, title);
    table_draw(&t, look->color, look->frames, out);
}

static void draw_revision(const json_t *git, const struct detail_look *look, struct buf *out)
{
    static const struct {
        const char *label, *key;
    } rows[] = {{"revision control", "type"},
                {"remote url", "url"},
                {"repository root", "repo_path"},
                {"last update", "update_time"},
                {"revision", "revision"},
                {"comment", "comment"},
                {"branch", "branch"}};
    AUTO(table) t = {0};
    if (!json_is_object(git))
        return;
    table_init(&t, pair_columns, ARRAY_LEN(pair_columns));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(buf) text = BUF_INIT;
        AUTO(buf) cut = BUF_INIT;
        add_plain(&text, json_object_get(git, rows[i].key));
        text_cut(&cut, text.len > 0 ? buf_str(&text) : STR("N/A"), COMMENT_CUT);
        add_pair(&t, rows[i].label,
                 strcmp(rows[i].key, "comment") == 0 || text.len == 0 ? buf_str(&cut)
                                                                      : buf_str(&text));
    }
    add_title(out, look, " Revision control metadata ");
    table_draw(&t, look->color, look->frames, out);
}

static void draw_actions(const json_t *actions, const struct detail_look *look, struct buf *out)
{
    static const struct table_column column[] = {{NULL, 0}};
    AUTO(table) t = {0};
    size_t i;
    json_t *action;
    if (json_array_size(actions) == 0)
        return;
    table_init(&t, column, ARRAY_LEN(column));
    json_array_foreach ((json_t *)actions, i, action) {
        const char *name = json_get_str(action, "action_name");
        table_add_c(&t, STYLE_NONE, name ? name : "");
    }
    add_title(out, look, " Actions available ");
    table_draw(&t, look->color, look->frames, out);
}

static void draw_metrics(const json_t *monitor, const struct detail_look *look, struct buf *out)
{
    AUTO(table) t = {0};
    const char *key;
    json_t *metric;
    if (json_object_size(monitor) == 0)
        return;
    table_init(&t, pair_columns, ARRAY_LEN(pair_columns));
    json_object_foreach ((json_t *)monitor, key, metric) {
        AUTO(buf) text = BUF_INIT;
        add_plain(&text, json_is_object(metric) ? json_object_get(metric, "value") : metric);
        if (json_get_str(metric, "unit"))
            buf_printf(&text, " %s", json_get_str(metric, "unit"));
        add_pair(&t, key, buf_str(&text));
    }
    add_title(out, look, " Code metrics value ");
    table_draw(&t, look->color, look->frames, out);
}

/* Variables of this shell that the process has with another value. */
static void draw_divergent(const json_t *env, const struct detail_look *look, struct buf *out)
{
    AUTO(table) t = {0};
    int columns = (look->columns ? look->columns : PIPE_COLUMNS) - DIVERGENT_CUT;
    table_init(&t, pair_columns, ARRAY_LEN(pair_columns));
    for (char **at = environ; *at; at++) {
        AUTO(buf) key = BUF_INIT;
        AUTO(buf) stored = BUF_INIT;
        AUTO(buf) cut = BUF_INIT;
        const char *eq = strchr(*at, '=');
        if (!eq)
            continue;
        buf_add(&key, *at, (size_t)(eq - *at));
        if (!json_has(env, key.data))
            continue;
        add_plain(&stored, json_object_get(env, key.data));
        if (strcmp(stored.data, eq + 1) == 0)
            continue;
        text_cut(&cut, buf_str(&stored), columns > 1 ? (size_t)columns : 1);
        add_pair(&t, key.data, buf_str(&cut));
    }
    add_title(out, look, " Divergent env variables from local env ");
    if (t.count > 0)
        table_draw(&t, look->color, look->frames, out);
    else
        buf_add_byte(out, '\n');
    buf_add_byte(out, '\n');
}

static void add_hint(struct buf *out, const struct detail_look *look, struct str text)
{
    style_add(out, look->color, STYLE_HINT, text);
    buf_add_byte(out, '\n');
}

static void draw_hints(const json_t *env, const struct detail_look *look, struct buf *out)
{
    AUTO(buf) name = BUF_INIT;
    AUTO(buf) logs = BUF_INIT;
    AUTO(buf) vars = BUF_INIT;
    text_clean(&name, str_from(json_get_str(env, "name") ? json_get_str(env, "name") : ""));
    buf_printf(&logs, " pm2 logs %s --lines 1000    what it printed", name.data);
    buf_printf(&vars, " pm2 env %lld    its environment",
               (long long)json_integer_value(json_object_get(env, "pm_id")));
    add_hint(out, look, buf_str(&logs));
    add_hint(out, look, buf_str(&vars));
}

void detail_draw(const json_t *proc, const struct detail_look *look, struct buf *out)
{
    const json_t *env = json_object_get(proc, "pm2_env");
    AUTO(buf) title = BUF_INIT;
    AUTO(buf) clean = BUF_INIT;
    const char *name = json_get_str(env, "name");
    buf_printf(&title, " Describing process with id %lld - name %s ",
               (long long)json_integer_value(json_object_get(env, "pm_id")), name ? name : "");
    text_clean(&clean, buf_str(&title));
    /* bold outside here, unlike the other titles */
    style_add(out, look->color, STYLE_BOLD_INVERSE, buf_str(&clean));
    buf_add_byte(out, '\n');
    draw_facts(env, look, out);
    draw_members("Process configuration",
                 json_object_get(json_object_get(env, "axm_options"), "module_conf"), look, out);
    draw_revision(json_object_get(env, "versioning"), look, out);
    draw_actions(json_object_get(env, "axm_actions"), look, out);
    draw_metrics(json_object_get(env, "axm_monitor"), look, out);
    draw_divergent(json_object_get(env, "env"), look, out);
    draw_hints(env, look, out);
}
