/* SPDX-License-Identifier: MIT
 * The saved list: reading it, and its checksums. Pure. */
#include "app/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/schema.h"
#include "base/attr.h"
#include "base/sha256.h"
#include "json/json5.h"
#include "json/read.h"

/* ---- the list ---- */

static bool is_list_of_apps(const json_t *list, struct err *e)
{
    size_t i;
    json_t *entry;
    if (!json_is_array(list)) {
        err_set(e, -EINVAL, "it holds no list of apps, but [object %s]", json_type_name(list));
        return false;
    }
    json_array_foreach ((json_t *)list, i, entry) {
        static const char *const needed[] = {"name", "pm_exec_path"};
        for (size_t k = 0; k < ARRAY_LEN(needed); k++) {
            if (json_get_str(entry, needed[k]))
                continue;
            err_set(e, -EINVAL, "entry %zu is no saved app: it has no %s", i, needed[k]);
            return false;
        }
    }
    return true;
}

json_t *dump_parse(struct str text, struct err *e)
{
    if (text.n == 0) {
        err_set(e, -EINVAL, "it is empty");
        return NULL;
    }
    struct err strict = {0};
    json_t *list = json_read(text, &strict);
    if (!list && strict.code == -EINVAL) /* PM2 evaluates it: a hand may have left a comment */
        list = json5_read(text, NULL, e);
    if (!list) {
        *e = strict;
        return NULL;
    }
    if (is_list_of_apps(list, e))
        return list;
    json_decref(list);
    return NULL;
}

/* What the next life makes anew. `instances`: an entry is one process. */
static const char *const state_keys[] = {
    "_km_monitored", "_tree_pids",         "axm_actions",  "axm_dynamic",   "axm_monitor",
    "axm_options",   "created_at",         "cron_next",    "exit_code",     "exit_signal",
    "health_state",  "instances",          "node_version", "notify_status", "pm_id",
    "pm_uptime",     "prev_restart_delay", "reason",       "reason_at",     "restart_time",
    "status",        "unstable_restarts",  "version",      "versioning",    "vizion_running",
};

/* PM2 has each variable of the environment a second time, among the attributes. */
static bool is_flat_copy(const json_t *env, const char *key, const json_t *value)
{
    const json_t *variable = json_object_get(env, key);
    return variable && strncmp(key, "pm_", 3) != 0 && !schema_find(key) &&
           json_equal(variable, value);
}

/* ".../web-12.pid" is of the process with the id 12: PM2 numbers these files without exception. */
static int id_of(const json_t *entry)
{
    const char *path = json_get_str(entry, "pm_pid_path");
    struct str rest = str_from(path);
    long long id;
    if (!path || !str_ends(rest, STR(".pid")))
        return -1;
    rest.n -= 4;
    size_t start = rest.n;
    while (start > 0 && rest.p[start - 1] >= '0' && rest.p[start - 1] <= '9')
        start--;
    if (start == 0 || rest.p[start - 1] != '-' ||
        !str_to_int((struct str){rest.p + start, rest.n - start}, &id) || id > INT32_MAX)
        return -1;
    return (int)id;
}

int dump_take(const json_t *entry, struct dump_entry *ret)
{
    const char *status = json_get_str(entry, "status");
    const char *key;
    json_t *value;
    *ret = (struct dump_entry){
        .conf = json_deep_copy(entry),
        .id = id_of(entry),
        .stopped = status && strcmp(status, "stopped") == 0,
        .is_monitored = json_get_bool(entry, "_km_monitored", false),
    };
    if (!ret->conf)
        return -ENOMEM;
    (void)json_get_int(entry, "restart_time", &ret->restarts);
    for (size_t i = 0; i < ARRAY_LEN(state_keys); i++)
        (void)json_object_del(ret->conf, state_keys[i]);
    json_object_foreach ((json_t *)entry, key, value)
        if (is_flat_copy(json_object_get(entry, "env"), key, value))
            (void)json_object_del(ret->conf, key);
    return 0;
}

/* ---- its checksum ---- */

void dump_sum_add(struct buf *sums, const char *name, struct str text)
{
    char hex[SHA256_HEX_BYTES];
    sha256_hex(text, hex);
    buf_printf(sums, "# %zu bytes\n%s  %s\n", text.n, hex, name);
}

/* One sum: "# N bytes", then "HEX  NAME". */
struct sum {
    struct str text; /* both lines */
    struct str hex, name;
    long long bytes; /* -1 = not told */
};

static bool next_sum(struct str *rest, struct sum *ret)
{
    struct str line;
    *ret = (struct sum){.text = {rest->p, 0}, .bytes = -1};
    while (str_cut_line(rest, &line)) {
        ret->text.n += line.n + 1;
        if (line.n > 66 && line.p[64] == ' ' && line.p[65] == ' ') {
            ret->hex = (struct str){line.p, 64};
            ret->name = (struct str){line.p + 66, line.n - 66};
            return true;
        }
        const struct str head = STR("# ");
        const struct str tail = STR(" bytes");
        if (!str_starts(line, head) || !str_ends(line, tail) || line.n < head.n + tail.n ||
            !str_to_int((struct str){line.p + head.n, line.n - head.n - tail.n}, &ret->bytes))
            ret->bytes = -1;
    }
    return false;
}

struct str dump_sum_line(struct str sums, const char *name)
{
    struct sum s;
    while (next_sum(&sums, &s))
        if (str_eq_c(s.name, name))
            return s.text;
    return (struct str){NULL, 0};
}

enum dump_check dump_sum_check(struct str sums, struct str text)
{
    char hex[SHA256_HEX_BYTES];
    struct sum s;
    enum dump_check ret = DUMP_UNKNOWN;
    sha256_hex(text, hex);
    while (next_sum(&sums, &s)) {
        if (str_eq_c(s.hex, hex))
            return DUMP_MATCHES;
        if (s.bytes == (long long)text.n)
            ret = DUMP_DAMAGED;
    }
    return ret;
}
