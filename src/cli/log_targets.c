/* SPDX-License-Identifier: MIT
 * Which processes are meant, as the daemon sees it. */
#include <string.h>

#include "cli/cli.h"
#include "cli/log_stream.h"
#include "json/read.h"
#include "json/write.h"

void log_targets_fini(struct log_targets *t)
{
    json_decref(t->all);
    json_decref(t->meant);
    t->all = t->meant = NULL;
}

bool log_targets_has(const struct log_targets *t, const char *word)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->at[i], word) == 0)
            return true;
    return false;
}

static json_t *ask(struct cli *cli, const char *target, int timeout_ms, struct err *e)
{
    AUTO(buf) request = BUF_INIT;
    struct str reply;
    struct jw w = jw_to(&request);
    jw_obj_begin(&w);
    jw_kstr(&w, "target", target);
    jw_obj_end(&w);
    if (cli_call(cli, "c.logs", buf_str(&request), timeout_ms, &reply, e) < 0)
        return NULL;
    return json_read(reply, e);
}

static bool has_id(const json_t *rows, int64_t id)
{
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)rows, i, row) {
        int64_t other;
        if (json_get_int(row, "id", &other) && other == id)
            return true;
    }
    return false;
}

static void add_rows(json_t *meant, const json_t *rows)
{
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)rows, i, row) {
        int64_t id = 0;
        if (json_get_int(row, "id", &id) && !has_id(meant, id))
            json_array_append(meant, row);
    }
}

int log_targets_ask(struct log_targets *t, struct cli *cli, int timeout_ms, struct err *e)
{
    AUTO_JSON all = ask(cli, "all", timeout_ms, e);
    AUTO_JSON meant = all ? json_array() : NULL;
    if (!all)
        return e->code;
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->at[i], "PM2") == 0)
            continue;
        bool is_all = strcmp(t->at[i], "all") == 0;
        AUTO_JSON rows = is_all ? json_incref(all) : ask(cli, t->at[i], timeout_ms, e);
        if (!rows)
            return e->code;
        if (is_all && t->count == 1)
            json_array_extend(meant, rows);
        else
            add_rows(meant, rows);
    }
    log_targets_fini(t);
    t->all = json_incref(all);
    t->meant = json_incref(meant);
    return 0;
}
