/* SPDX-License-Identifier: MIT
 * Conclusions about the end of a process. Pure. */
#include "cli/why.h"

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "cli/past.h"
#include "json/read.h"

#define GOOD_MS       10000 /* a run that lived so long was a good one */
#define CHANGES_SHOWN 10

static bool is_what(const json_t *record, const char *what)
{
    const char *is = json_get_str(record, "what");
    return is && strcmp(is, what) == 0;
}

static bool is_order(const json_t *record)
{
    static const char *const words[] = {"stop", "restart", "reload", "delete", "rollback"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (is_what(record, words[i]))
            return true;
    return false;
}

struct why_end why_last_end(const json_t *records)
{
    struct why_end now = {0};
    struct why_end last = {0};
    size_t i;
    json_t *r;
    json_array_foreach ((json_t *)records, i, r) {
        if (is_what(r, "started"))
            now = (struct why_end){.started = r};
        else if (is_order(r))
            now.order = r;
        else if (is_what(r, "killed"))
            now.killed = r;
        if (!is_what(r, "ended") && !is_what(r, "cannot"))
            continue;
        last = now;
        last.end = r;
        if (!json_get_bool(r, "ordered", false))
            last.order = NULL;
    }
    return last;
}

/* ---- the log ---- */

static bool has(struct str line, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= line.n; i++)
        if (strncasecmp(line.p + i, word, n) == 0)
            return true;
    return false;
}

/* Whether a number that begins at `at` is told to be a port: ":80", "port: 80", "port 80". */
static bool is_port_place(struct str line, size_t at)
{
    if (at > 0 && line.p[at - 1] == ' ')
        at--;
    return (at > 0 && line.p[at - 1] == ':') ||
           (at >= 4 && strncasecmp(line.p + at - 4, "port", 4) == 0);
}

/* The last port in a line; 0 = there is none. */
static int port_in(struct str line)
{
    int port = 0;
    for (size_t i = 0; i < line.n;) {
        size_t start = i;
        long long value;
        while (i < line.n && isdigit((unsigned char)line.p[i]))
            i++;
        if (i > start && is_port_place(line, start) &&
            str_to_int((struct str){line.p + start, i - start}, &value) && value > 0 &&
            value < 65536)
            port = (int)value;
        i += i == start;
    }
    return port;
}

/* What stands in quotes behind `mark`. */
static bool quoted_after(struct str line, const char *mark, struct buf *ret)
{
    size_t n = strlen(mark);
    for (size_t i = 0; i + n < line.n; i++) {
        if (strncmp(line.p + i, mark, n) != 0)
            continue;
        char quote = line.p[i + n];
        size_t start = i + n + 1;
        size_t end = start;
        while (end < line.n && line.p[end] != quote)
            end++;
        if ((quote != '\'' && quote != '"') || end == line.n)
            continue;
        buf_clear(ret);
        buf_add(ret, line.p + start, end - start);
        return true;
    }
    return false;
}

static bool is_complaint(struct str line)
{
    static const char *const words[] = {"error",  "exception", "panic",        "fatal",    "cannot",
                                        "failed", "denied",    "no such file", "not found"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (has(line, words[i]))
            return true;
    return false;
}

void why_clue_line(struct why_clue *c, struct str line)
{
    if (has(line, "EADDRINUSE") || has(line, "address already in use")) {
        int port = port_in(line);
        c->port = port ? port : c->port;
        c->kind = CLUE_PORT;
    } else if (c->kind == CLUE_PORT && c->port == 0 && has(line, "port:")) {
        c->port = port_in(line); /* Node prints the fields of an error below it */
    } else if (quoted_after(line, "Cannot find module ", &c->text) ||
               quoted_after(line, "Cannot find package ", &c->text) ||
               quoted_after(line, "No module named ", &c->text)) {
        c->kind = CLUE_MODULE;
    } else if (has(line, "heap out of memory")) {
        c->kind = CLUE_HEAP;
    } else if ((c->kind == CLUE_NONE || c->kind == CLUE_LINE) && is_complaint(line)) {
        c->kind = CLUE_LINE;
        buf_clear(&c->text);
        buf_add_str(&c->text, line);
    }
}

/* ---- the configuration ---- */

static bool was_good(const json_t *end)
{
    int64_t uptime = 0;
    (void)json_get_int(end, "uptime", &uptime);
    return json_get_bool(end, "ordered", false) || uptime >= GOOD_MS;
}

static void add_change(struct buf *out, size_t *count, const char *name)
{
    ++*count;
    if (*count <= CHANGES_SHOWN)
        buf_printf(out, "%s%s", *count > 1 ? ", " : "", name);
}

static void compare(struct buf *out, const json_t *good, const json_t *bad)
{
    const char *key;
    json_t *value;
    size_t count = 0;
    json_object_foreach ((json_t *)bad, key, value)
        if (!json_equal(value, json_object_get(good, key)))
            add_change(out, &count, key);
    json_object_foreach ((json_t *)good, key, value)
        if (!json_has(bad, key))
            add_change(out, &count, key);
    if (count > CHANGES_SHOWN)
        buf_printf(out, " and %zu more", count - CHANGES_SHOWN);
}

/* "version 1.0 to 1.1" */
static void add_step(struct buf *out, const char *key, const json_t *good, const json_t *bad)
{
    const char *old = json_get_str(good, key);
    const char *now = json_get_str(bad, key);
    if (old && now && strcmp(old, now) != 0)
        buf_printf(out, "%s%s %s to %s", out->len > 0 ? ", " : "", key, old, now);
}

void why_changes(struct buf *out, const json_t *records, const json_t *started)
{
    const json_t *conf = NULL, *good_conf = NULL, *of_ended = NULL;
    const json_t *run = NULL, *good_run = NULL;
    size_t i;
    json_t *r;
    json_array_foreach ((json_t *)records, i, r) {
        if (is_what(r, "started")) {
            conf = json_has(r, "conf") ? json_object_get(r, "conf") : conf;
            run = r;
        }
        if (r == started) {
            of_ended = conf;
            break;
        }
        if (is_what(r, "ended") && was_good(r)) {
            good_conf = conf;
            good_run = run;
        }
    }
    if (!good_conf || !of_ended)
        return;
    compare(out, good_conf, of_ended);
    add_step(out, "version", good_run, started);
    add_step(out, "git", good_run, started);
}

/* ---- the cause ---- */

static void add_kill(struct buf *out, const json_t *killed)
{
    int64_t after = 0;
    if (!killed)
        return;
    (void)json_get_int(killed, "after", &after);
    buf_printf(out, "; it had not ended %" PRId64 "ms after it was told to, and got SIGKILL",
               after);
}

static void add_order(struct buf *out, const struct why_end *w)
{
    buf_printf(out, "%s was asked for by ", w->order ? json_get_str(w->order, "what") : "its end");
    if (w->order)
        past_who(out, w->order);
    else
        buf_add_c(out, "pm2");
    add_kill(out, w->killed);
}

static void add_signal(struct buf *out, int signo)
{
    if (signo == SIGKILL)
        buf_add_c(out, "somebody killed it, or the kernel did for lack of memory (dmesg tells)");
    else if (signo == SIGTERM || signo == SIGINT || signo == SIGHUP || signo == SIGQUIT)
        buf_add_c(out, "somebody other than pm2 sent it that signal");
    else
        buf_add_c(out, "it crashed");
}

bool why_cause(struct buf *out, const struct why_end *w)
{
    int64_t number;
    if (is_what(w->end, "cannot")) {
        const char *why = json_get_str(w->end, "why");
        buf_add_c(out, why ? why : "unknown");
    } else if (json_get_bool(w->end, "oom", false)) {
        buf_add_c(out, "the kernel killed it: its control group was out of memory");
    } else if (json_get_bool(w->end, "ordered", false)) {
        add_order(out, w);
    } else if (json_get_int(w->end, "signal", &number)) {
        add_signal(out, (int)number);
    } else if (json_get_int(w->end, "code", &number) && number == 0) {
        buf_add_c(out, "it had nothing more to do");
    } else {
        return false;
    }
    return true;
}

/* ---- the run of now ---- */

void why_pending(struct buf *out, const json_t *records, int64_t now_ms)
{
    const json_t *order = NULL, *late = NULL;
    size_t i;
    json_t *r;
    json_array_foreach ((json_t *)records, i, r) {
        if (is_what(r, "started") || is_what(r, "ended"))
            order = late = NULL;
        else if (is_order(r))
            order = r;
        else if (is_what(r, "late"))
            late = r;
    }
    const char *why = json_get_str(late, "why");
    if (why && *why)
        buf_printf(out, " %c%s.", toupper((unsigned char)*why), why + 1);
    int64_t t = 0;
    if (!order || !json_get_int(order, "t", &t))
        return;
    buf_printf(out, " %s was asked for by ", json_get_str(order, "what"));
    past_who(out, order);
    buf_add_byte(out, ' ');
    past_duration(out, now_ms > t ? now_ms - t : 0);
    buf_add_c(out, " ago, and it is still there.");
}
