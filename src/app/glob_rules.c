/* SPDX-License-Identifier: MIT
 * Lists of patterns. Runs in pm2d. */
#include "glob_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "glob.h"

struct glob_rule {
    struct glob *glob; /* NULL: a plain path */
    char *path;
    bool exception;
};

/* ---- paths ---- */

/* Cut the last name off out[start..]. */
static void drop_name(struct buf *out, size_t start)
{
    size_t n = out->len;
    while (n > start && out->data[n - 1] != '/')
        n--;
    buf_truncate(out, n > start ? n - 1 : start);
}

/* Append the names of `text`, resolving "." and "..". */
static void add_names(struct buf *out, size_t start, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "/");
        if (n == 2 && memcmp(text, "..", 2) == 0) {
            drop_name(out, start);
        } else if (n > 0 && !(n == 1 && *text == '.')) {
            buf_add_byte(out, '/');
            buf_add(out, text, n);
        }
        text += n + (text[n] == '/');
    }
}

void glob_absolute(struct buf *out, const char *cwd, const char *text)
{
    size_t start = out->len;
    AUTO(buf) given = BUF_INIT;
    AUTO(buf) folder = BUF_INIT;
    buf_add_c(&given, text);
    for (char *p = given.data; given.len > 0 && *p; p++)
        if (*p == '\\') /* as PM2: patterns are paths of any system */
            *p = '/';
    if (given.data[0] != '/') {
        glob_escape(&folder, cwd);
        add_names(out, start, folder.data);
    }
    add_names(out, start, given.data);
    if (out->len == start)
        buf_add_byte(out, '/');
}

/* ---- rules ---- */

static int rule_init(struct glob_rule *rule, const char *cwd, const char *text)
{
    AUTO(buf) pattern = BUF_INIT;
    *rule = (struct glob_rule){.exception = text[0] == '!' && text[1] != '('};
    text += rule->exception;
    glob_absolute(&pattern, cwd, text);
    if (buf_oom(&pattern))
        return -ENOMEM;
    if (glob_is_magic(pattern.data)) {
        rule->glob = glob_new(pattern.data);
        return rule->glob ? 0 : -errno;
    }
    AUTO(buf) plain = BUF_INIT;
    glob_parent(&plain, pattern.data);
    rule->path = buf_detach(&plain);
    return rule->path ? 0 : -ENOMEM;
}

int glob_rules_add(struct glob_rules *r, const char *cwd, const char *text)
{
    struct glob_rule *items = realloc(r->items, (r->count + 1) * sizeof(*items));
    if (!items)
        return -ENOMEM;
    r->items = items;
    int rc = rule_init(&items[r->count], cwd, text);
    if (rc == 0)
        r->count++;
    return rc;
}

void glob_rules_fini(struct glob_rules *r)
{
    for (size_t i = 0; i < r->count; i++) {
        glob_free(r->items[i].glob);
        free(r->items[i].path);
    }
    free(r->items);
    *r = (struct glob_rules){0};
}

static bool is_at_or_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    if (n == 1) /* "/" */
        return true;
    return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool rule_match(const struct glob_rule *rule, const char *path)
{
    return rule->glob ? glob_match(rule->glob, path) : is_at_or_below(path, rule->path);
}

bool glob_rules_match(const struct glob_rules *r, const char *path)
{
    bool matched = false;
    for (size_t i = 0; i < r->count; i++) {
        if (r->items[i].exception ? rule_match(&r->items[i], path) : false)
            return false;
        if (!r->items[i].exception && !matched)
            matched = rule_match(&r->items[i], path);
    }
    return matched;
}

bool glob_rules_may_match_below(const struct glob_rules *r, const char *path)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct glob_rule *rule = &r->items[i];
        if (rule->exception)
            continue;
        if (rule->glob ? glob_may_match_below(rule->glob, path)
                       : is_at_or_below(path, rule->path) || is_at_or_below(rule->path, path))
            return true;
    }
    return false;
}

/* ---- fixed rules ---- */

bool glob_ignored_by_default(const char *below)
{
    return below[0] == '.' || strstr(below, "/.") || strstr(below, "node_modules");
}

bool glob_is_editor_file(const char *path)
{
    struct str s = str_from(path);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (str_ends(s, STR("~")))
        return true;
    bool swap = s.n > 4 && strncmp(path + s.n - 4, ".sw", 3) == 0 &&
                (path[s.n - 1] == 'p' || path[s.n - 1] == 'x');
    if (swap && name[0] == '.')
        return true;
    return strncmp(name, ".subl", 5) == 0 && str_ends(s, STR(".tmp"));
}
