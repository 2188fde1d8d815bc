/* SPDX-License-Identifier: MIT
 * Reading the history, and saying it in words. */
#include "cli/past.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/ui/time.h"
#include "os/atomic_file.h"
#include "os/users.h"
#include "json/read.h"

/* A line that was being written when the file was cut, or the machine went down, is a half one. */
#define FILE_ROOM (LIMIT_HISTORY_BYTES + 1024UL * 1024)

/* ---- reading ---- */

static bool is_meant(const json_t *record, const char *target)
{
    long long number;
    int64_t id;
    if (!target || strcmp(target, "all") == 0)
        return true;
    const char *name = json_get_str(record, "name");
    const char *ns = json_get_str(record, "ns");
    if ((name && strcmp(name, target) == 0) || (ns && strcmp(ns, target) == 0))
        return true;
    return str_to_int(str_from(target), &number) && json_get_int(record, "id", &id) && id == number;
}

/* `bad` counts lines that are no record. */
static int read_into(json_t *list, const char *path, const char *target, unsigned *bad,
                     struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    struct str line;
    int rc = file_read(path, FILE_ROOM, &text, e);
    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return rc;
    struct str rest = buf_str(&text);
    while (str_cut_line(&rest, &line)) {
        json_t *record = json_read(line, NULL);
        if (!json_get_str(record, "what"))
            *bad += line.n > 0;
        else if (is_meant(record, target))
            json_array_append(list, record);
        json_decref(record);
    }
    *bad += rest.n > 0;
    return 0;
}

json_t *past_read(const struct cli *cli, const char *target, struct err *e)
{
    static const char *const names[] = {"history.jsonl.1", "history.jsonl"};
    json_t *list = json_array();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        AUTO(buf) path = BUF_INIT;
        unsigned bad = 0;
        buf_printf(&path, "%s/%s", cli->paths.home, names[i]);
        if (read_into(list, path.data, target, &bad, e) < 0) {
            json_decref(list);
            return NULL;
        }
        if (bad > 0)
            ui_warn(&cli->ui, "%s: %u damaged records are left out", path.data, bad);
    }
    return list;
}

/* ---- words ---- */

void past_time(struct buf *out, int64_t epoch_ms)
{
    time_t seconds = (time_t)(epoch_ms / 1000);
    struct tm tm;
    char text[64];
    if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) > 0)
        buf_add_c(out, text);
}

static void add_user(struct buf *out, int64_t uid)
{
    char name[64];
    users_name((uint32_t)uid, name, sizeof(name));
    buf_add_c(out, name);
}

void past_who(struct buf *out, const json_t *record)
{
    int64_t uid, pid, login;
    const char *tty = json_get_str(record, "tty");
    const char *program = json_get_str(record, "program");
    if (!json_get_int(record, "uid", &uid)) {
        const char *why = json_get_str(record, "why");
        buf_add_c(out, why ? why : "pm2");
        return;
    }
    add_user(out, uid);
    if (json_get_int(record, "login", &login)) {
        buf_add_c(out, " (logged in as ");
        add_user(out, login);
        buf_add_c(out, ")");
    }
    if (tty)
        buf_printf(out, " on %s", tty);
    if (json_get_int(record, "pid", &pid))
        buf_printf(out, " (%s%spid %" PRId64 ")", program ? program : "", program ? ", " : "", pid);
}

void past_how(struct buf *out, const json_t *record)
{
    int64_t number;
    if (json_get_int(record, "signal", &number)) {
        const char *name = sigabbrev_np((int)number);
        buf_printf(out, "signal %s%s", name ? "SIG" : "", name ? name : "");
        if (!name)
            buf_printf(out, "%" PRId64, number);
    } else if (json_get_int(record, "code", &number)) {
        buf_printf(out, "code %" PRId64, number);
    } else {
        buf_add_c(out, "unknown code");
    }
    if (json_get_bool(record, "core", false))
        buf_add_c(out, ", core dumped");
    if (json_get_bool(record, "oom", false))
        buf_add_c(out, ", out of memory");
}

void past_duration(struct buf *out, int64_t ms)
{
    if (ms < 1000)
        buf_printf(out, "%" PRId64 "ms", ms);
    else
        time_span(out, ms);
}

static void add_ended(struct buf *out, const json_t *record)
{
    int64_t uptime = 0;
    buf_add_c(out, " with ");
    past_how(out, record);
    if (json_get_int(record, "uptime", &uptime)) {
        buf_add_c(out, " after ");
        past_duration(out, uptime);
    }
    if (json_get_bool(record, "ordered", false))
        buf_add_c(out, ", as ordered");
}

void past_text(struct buf *out, const json_t *record)
{
    const char *what = json_get_str(record, "what");
    const char *why = json_get_str(record, "why");
    int64_t number;
    buf_add_c(out, what);
    if (strcmp(what, "ended") == 0) {
        add_ended(out, record);
    } else if (json_has(record, "uid")) {
        buf_add_c(out, " by ");
        past_who(out, record);
    } else if (why) {
        buf_printf(out, ": %s", why);
    } else if (json_get_int(record, "after", &number)) {
        buf_printf(out, " (SIGKILL): it was still there %" PRId64 "ms after it was told to end",
                   number);
    } else if (json_get_int(record, "pid", &number)) {
        buf_printf(out, " as pid %" PRId64, number);
    }
}
