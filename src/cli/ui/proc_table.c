/* SPDX-License-Identifier: MIT
 * Which columns there are, how wide they are, and what stands in their cells. Widths are PM2's:
 * people cut this table with awk. */
#include "cli/ui/proc_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cli/ui/style.h"
#include "cli/ui/table.h"
#include "cli/ui/text.h"
#include "cli/ui/time.h"
#include "os/users.h"
#include "json/read.h"
#include "json/write.h"

#define PIPE_COLUMNS  300
#define NAME_EMPTY    11 /* width of the name column when there is no app */
#define NAME_BLANKS   5
#define HIDDEN_MODULE "pm2-sysmonit"
#define RESTARTS_HEAD "↺"

/* ---- rows ---- */

static const char *text_of(const json_t *o, const char *key, const char *fallback)
{
    const char *text = json_get_str(o, key);
    return text && *text ? text : fallback;
}

static int64_t number_of(const json_t *o, const char *key)
{
    int64_t n = 0;
    (void)json_get_int(o, key, &n);
    return n;
}

static int64_t uptime_of(const struct proc_row *r, int64_t now_ms)
{
    return r->uptime_ms >= 0 ? r->uptime_ms : now_ms - r->pm_uptime;
}

static void read_row(const json_t *o, struct proc_row *r)
{
    int64_t uid;
    *r = (struct proc_row){
        .id = number_of(o, "id"),
        .restarts = number_of(o, "restarts"),
        .memory = number_of(o, "memory"),
        .pm_uptime = number_of(o, "pm_uptime"),
        .uptime_ms = json_has(o, "uptime") ? number_of(o, "uptime") : -1,
        .cpu = json_number_value(json_object_get(o, "cpu")),
        .is_cluster = strcmp(text_of(o, "mode", ""), "cluster") == 0,
        .is_watched = json_get_bool(o, "watching", false),
        .is_module = json_get_bool(o, "module", false),
        .name = text_of(o, "name", ""),
        .ns = text_of(o, "namespace", "default"),
        .version = text_of(o, "version", "N/A"),
        .status = text_of(o, "status", "stopped"),
        .user = text_of(o, "user", "N/A"),
        .err_log = text_of(o, "err_log", "N/A"),
        .pid_path = text_of(o, "pid_path", "N/A"),
        .health = json_get_str(o, "health"),
        .reason = json_get_str(o, "reason"),
        .reason_at = number_of(o, "reason_at"),
    };
    r->has_pid = json_get_int(o, "pid", &r->pid);
    if (json_is_string(json_object_get(o, "uid")) && !json_get_int(o, "uid", &uid))
        r->user = text_of(o, "uid", r->user);
    else if (json_get_int(o, "uid", &uid) && uid >= 0 && uid < UINT32_MAX)
        users_name((uint32_t)uid, r->uid_name, sizeof(r->uid_name));
}

struct proc_row *proc_rows(const json_t *list, size_t *ret_count)
{
    size_t count = json_array_size(list);
    struct proc_row *rows = calloc(count ? count : 1, sizeof(*rows));
    *ret_count = 0;
    if (!rows)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        read_row(json_array_get(list, i), &rows[i]);
        rows[i].order = i;
    }
    *ret_count = count;
    return rows;
}

/* ---- order ---- */

typedef int compare_fn(const struct proc_row *a, const struct proc_row *b);

#define COMPARE_NUMBER(fn, field)                                                                  \
    static int fn(const struct proc_row *a, const struct proc_row *b)                              \
    {                                                                                              \
        return (a->field > b->field) - (a->field < b->field);                                      \
    }
#define COMPARE_TEXT(fn, field)                                                                    \
    static int fn(const struct proc_row *a, const struct proc_row *b)                              \
    {                                                                                              \
        return strcmp(a->field, b->field);                                                         \
    }

COMPARE_TEXT(by_name, name)
COMPARE_TEXT(by_namespace, ns)
COMPARE_TEXT(by_status, status)
COMPARE_NUMBER(by_pid, pid)
COMPARE_NUMBER(by_id, id)
COMPARE_NUMBER(by_cpu, cpu)
COMPARE_NUMBER(by_memory, memory)
COMPARE_NUMBER(by_uptime, pm_uptime)

static const struct {
    const char *field;
    compare_fn *compare;
} orders[] = {
    {"name", by_name}, {"namespace", by_namespace}, {"pid", by_pid},       {"id", by_id},
    {"cpu", by_cpu},   {"memory", by_memory},       {"uptime", by_uptime}, {"status", by_status},
};

struct order {
    compare_fn *compare;
    int sign;
};

static int compare_rows(const void *a, const void *b, void *ctx)
{
    const struct order *o = ctx;
    const struct proc_row *x = a;
    const struct proc_row *y = b;
    int rc = o->sign * o->compare(x, y);
    return rc ? rc : (x->order > y->order) - (x->order < y->order);
}

void proc_rows_sort(struct proc_row *rows, size_t count, const char *by)
{
    struct order o = {by_name, 1};
    size_t n = by ? strcspn(by, ":") : 0;
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(orders); i++) {
        if (!str_eq_c((struct str){by, n}, orders[i].field))
            continue;
        o.compare = orders[i].compare;
        o.sign = strcmp(by + n, ":desc") == 0 ? -1 : 1;
    }
    qsort_r(rows, count, sizeof(*rows), compare_rows, &o);
}

/* ---- cells ---- */

typedef void cell_fn(const struct proc_row *r, const struct proc_table_look *look, struct table *t);

static void add_number(struct table *t, enum style style, int64_t n)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)n);
    table_add_c(t, style, text);
}

static bool is_online(const struct proc_row *r)
{
    return strcmp(r->status, "online") == 0;
}

static void cell_id(const struct proc_row *r, const struct proc_table_look *look, struct table *t)
{
    (void)look;
    add_number(t, STYLE_BOLD_CYAN, r->id);
}

static void cell_name(const struct proc_row *r, const struct proc_table_look *look, struct table *t)
{
    (void)look;
    table_add_c(t, STYLE_NONE, r->name);
}

static void cell_namespace(const struct proc_row *r, const struct proc_table_look *look,
                           struct table *t)
{
    (void)look;
    table_add_c(t, STYLE_NONE, r->ns);
}

static void cell_version(const struct proc_row *r, const struct proc_table_look *look,
                         struct table *t)
{
    (void)look;
    table_add_c(t, STYLE_NONE, r->version);
}

static void cell_mode(const struct proc_row *r, const struct proc_table_look *look, struct table *t)
{
    (void)look;
    table_add_c(t, r->is_cluster ? STYLE_BOLD_BLUE : STYLE_INVERSE_BOLD,
                r->is_cluster ? "cluster" : "fork");
}

static void cell_pid(const struct proc_row *r, const struct proc_table_look *look, struct table *t)
{
    (void)look;
    if (r->has_pid)
        add_number(t, STYLE_NONE, r->pid);
    else
        table_add_c(t, STYLE_NONE, "N/A");
}

static void cell_uptime(const struct proc_row *r, const struct proc_table_look *look,
                        struct table *t)
{
    AUTO(buf) text = BUF_INIT;
    if (is_online(r))
        time_span(&text, uptime_of(r, look->now_ms));
    else
        buf_add_c(&text, "0");
    table_add(t, STYLE_NONE, buf_str(&text));
}

static void cell_restarts(const struct proc_row *r, const struct proc_table_look *look,
                          struct table *t)
{
    (void)look;
    add_number(t, STYLE_NONE, r->restarts);
}

static void cell_status(const struct proc_row *r, const struct proc_table_look *look,
                        struct table *t)
{
    (void)look;
    bool is_failing = is_online(r) && r->health && strcmp(r->health, "unhealthy") == 0;
    const char *word = is_failing ? r->health : r->status;
    table_add_c(t, style_of_status(word), word);
}

static void cell_cpu(const struct proc_row *r, const struct proc_table_look *look, struct table *t)
{
    AUTO(buf) text = BUF_INIT;
    (void)look;
    json_number_text(&text, r->cpu);
    buf_add_byte(&text, '%');
    table_add(t, STYLE_NONE, buf_str(&text));
}

static void cell_memory(const struct proc_row *r, const struct proc_table_look *look,
                        struct table *t)
{
    AUTO(buf) text = BUF_INIT;
    (void)look;
    size_text(&text, r->memory);
    table_add(t, STYLE_NONE, buf_str(&text));
}

static void cell_user(const struct proc_row *r, const struct proc_table_look *look, struct table *t)
{
    (void)look;
    table_add_c(t, STYLE_BOLD, r->uid_name[0] ? r->uid_name : r->user);
}

static void cell_watching(const struct proc_row *r, const struct proc_table_look *look,
                          struct table *t)
{
    (void)look;
    table_add_c(t, r->is_watched ? STYLE_BOLD_GREEN : STYLE_GREY,
                r->is_watched ? "enabled" : "disabled");
}

/* ---- layouts ---- */

enum { WIDTH_ID = -1, WIDTH_NAME = -2 }; /* widths that depend on what is listed */

struct field {
    const char *head;
    int width;
    cell_fn *cell;
};

struct layout {
    int extra;    /* what the frames take, as PM2 counts */
    int name_max; /* width of the name column at most */
    const struct field *apps, *modules;
    size_t app_fields, module_fields;
};

static const struct field full_apps[] = {
    {"id", WIDTH_ID, cell_id},
    {"name", WIDTH_NAME, cell_name},
    {"namespace", 13, cell_namespace},
    {"version", 9, cell_version},
    {"mode", 9, cell_mode},
    {"pid", 10, cell_pid},
    {"uptime", 8, cell_uptime},
    {RESTARTS_HEAD, 6, cell_restarts},
    {"status", 11, cell_status},
    {"cpu", 10, cell_cpu},
    {"mem", 10, cell_memory},
    {"user", 10, cell_user},
    {"watching", 10, cell_watching},
};
static const struct field full_modules[] = {
    {"id", WIDTH_ID, cell_id}, {"module", 30, cell_name},   {"version", 15, cell_version},
    {"pid", 10, cell_pid},     {"status", 10, cell_status}, {RESTARTS_HEAD, 6, cell_restarts},
    {"cpu", 10, cell_cpu},     {"mem", 10, cell_memory},    {"user", 10, cell_user},
};
static const struct field condensed_apps[] = {
    {"id", WIDTH_ID, cell_id},         {"name", WIDTH_NAME, cell_name}, {"mode", 10, cell_mode},
    {RESTARTS_HEAD, 6, cell_restarts}, {"status", 11, cell_status},     {"cpu", 10, cell_cpu},
    {"memory", 10, cell_memory},
};
static const struct field condensed_modules[] = {
    {"id", WIDTH_ID, cell_id}, {"name", WIDTH_NAME, cell_name}, {"status", 10, cell_status},
    {"cpu", 10, cell_cpu},     {"mem", 10, cell_memory},
};
static const struct field mini_fields[] = {
    {"id", WIDTH_ID, cell_id}, {"name", WIDTH_NAME, cell_name}, {"status", 11, cell_status},
    {"cpu", 8, cell_cpu},      {"mem", 10, cell_memory},
};

static const struct layout layouts[] = {
    {14, 40, full_apps, full_modules, ARRAY_LEN(full_apps), ARRAY_LEN(full_modules)},
    {8, 20, condensed_apps, condensed_modules, ARRAY_LEN(condensed_apps),
     ARRAY_LEN(condensed_modules)},
    {0, 16, mini_fields, mini_fields, ARRAY_LEN(mini_fields), ARRAY_LEN(mini_fields)},
};

static int id_width(const struct proc_row *rows, size_t count)
{
    char text[24];
    int width = 4;
    for (size_t i = 0; i < count; i++) {
        int n = snprintf(text, sizeof(text), "%lld", (long long)rows[i].id) + 2;
        width = n > width ? n : width;
    }
    return width;
}

static int name_width(const struct proc_row *rows, size_t count)
{
    size_t longest = count > 0 ? 0 : NAME_EMPTY - NAME_BLANKS;
    for (size_t i = 0; i < count; i++) {
        size_t w = text_width(str_from(rows[i].name));
        longest = w > longest ? w : longest;
    }
    return (int)(longest < PIPE_COLUMNS ? longest : PIPE_COLUMNS) + NAME_BLANKS;
}

struct widths {
    int id, name;
};

static size_t make_columns(const struct field *fields, size_t count, const struct widths *w,
                           int name_max, struct table_column *ret)
{
    for (size_t i = 0; i < count; i++) {
        int width = fields[i].width;
        if (width == WIDTH_ID)
            width = w->id;
        else if (width == WIDTH_NAME)
            width = w->name < name_max ? w->name : name_max;
        ret[i] = (struct table_column){fields[i].head, width};
    }
    return count;
}

static const struct layout *choose_layout(const struct widths *w, int columns)
{
    struct table_column c[TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < ARRAY_LEN(layouts) - 1; i++) {
        const struct layout *l = &layouts[i];
        size_t n = make_columns(l->apps, l->app_fields, w, l->name_max, c);
        if (columns >= table_width(c, n) + l->extra)
            return l;
    }
    return &layouts[ARRAY_LEN(layouts) - 1];
}

static size_t count_modules(const struct proc_row *rows, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += rows[i].is_module && strcmp(rows[i].name, HIDDEN_MODULE) != 0;
    return n;
}

static void draw_some(const struct proc_row *rows, size_t count, bool modules,
                      const struct layout *l, const struct widths *w,
                      const struct proc_table_look *look, struct buf *out)
{
    const struct field *fields = modules ? l->modules : l->apps;
    struct table_column c[TABLE_COLUMNS_MAX];
    AUTO(table) t = {0};
    size_t n = make_columns(fields, modules ? l->module_fields : l->app_fields, w, l->name_max, c);
    table_init(&t, c, n);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].is_module != modules || (modules && strcmp(rows[i].name, HIDDEN_MODULE) == 0))
            continue;
        for (size_t f = 0; f < n; f++)
            fields[f].cell(&rows[i], look, &t);
    }
    table_draw(&t, look->color, look->frames, out);
}

void proc_table_draw(const struct proc_row *rows, size_t count, const struct proc_table_look *look,
                     struct buf *out)
{
    const struct widths w = {id_width(rows, count), name_width(rows, count)};
    const struct layout *l = choose_layout(&w, look->columns ? look->columns : PIPE_COLUMNS);
    size_t modules = count_modules(rows, count);
    draw_some(rows, count, false, l, &w, look, out);
    if (modules == 0)
        return;
    style_add(out, look->color, STYLE_BOLD, str_from(modules > 1 ? "Modules" : "Module"));
    buf_add_byte(out, '\n');
    draw_some(rows, count, true, l, &w, look, out);
}

static void mini_line(struct buf *out, const char *label, const char *text)
{
    buf_add_c(out, label);
    text_clean(out, str_from(text));
    buf_add_byte(out, '\n');
}

static void mini_block(const struct proc_row *r, int64_t now_ms, struct buf *out)
{
    AUTO(buf) uptime = BUF_INIT;
    AUTO(buf) memory = BUF_INIT;
    char pid[24] = "N/A";
    if (r->has_pid)
        snprintf(pid, sizeof(pid), "%lld", (long long)r->pid);
    if (is_online(r))
        time_span(&uptime, uptime_of(r, now_ms));
    else
        buf_add_c(&uptime, "0");
    size_text(&memory, r->memory);
    mini_line(out, "+--- ", r->name);
    mini_line(out, "namespace : ", r->ns);
    mini_line(out, "version : ", r->version);
    mini_line(out, "pid : ", pid);
    buf_printf(out, "pm2 id : %lld\n", (long long)r->id);
    mini_line(out, "status : ", r->status);
    mini_line(out, "mode : ", r->is_cluster ? "cluster" : "fork");
    buf_printf(out, "restarted : %lld\nuptime : %s\nmemory usage : %s \n", (long long)r->restarts,
               uptime.data, memory.data);
    mini_line(out, "error log : ", r->err_log);
    mini_line(out, "watching : ", r->is_watched ? "yes" : "no");
    mini_line(out, "PID file : ", r->pid_path);
    buf_add_byte(out, '\n');
}

void proc_mini_draw(const struct proc_row *rows, size_t count, int64_t now_ms, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        mini_block(&rows[i], now_ms, out);
}
