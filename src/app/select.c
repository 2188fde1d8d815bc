/* SPDX-License-Identifier: MIT
 * Targets of commands; select.h has the rules. Pure. */
#include "app/select.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/select_priv.h"
#include "base/str.h"

struct select {
    const char *target;
    const char *path; /* the target as absolute path */
    int flags;
};

typedef bool match_fn(const struct select *s, const struct select_item *item);

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool match_all(const struct select *s, const struct select_item *item)
{
    return !item->module || (s->flags & SELECT_MODULES);
}

static bool match_name(const struct select *s, const struct select_item *item)
{
    return same(item->name, s->target);
}

static bool match_name_or_script(const struct select *s, const struct select_item *item)
{
    return same(item->name, s->target) || same(item->script, s->path);
}

static bool match_namespace(const struct select *s, const struct select_item *item)
{
    return same(item->ns, s->target);
}

static int collect(const struct select *s, match_fn *matches, const struct select_item *items,
                   size_t count, int *ret_ids)
{
    int n = 0;
    for (size_t i = 0; i < count; i++) {
        if (matches(s, &items[i]))
            ret_ids[n++] = items[i].id;
    }
    return n;
}

/* Decimal digits only: "-1" and "1e3" are names. A number that no id can have is not one either. */
static bool parse_id(const char *target, int *ret_id)
{
    long long value;
    if (target[0] == '-' || !str_to_int(str_from(target), &value) || value > INT_MAX)
        return false;
    *ret_id = (int)value;
    return true;
}

/* /x/. A path that ends in a slash is one as well, as in PM2; "/" alone is not. */
static bool is_regex(const char *target)
{
    size_t n = strlen(target);
    return n >= 2 && target[0] == '/' && target[n - 1] == '/';
}

/* By name (and script, unless `is_id`), then by namespace, then by id. */
static int find(struct select *s, const struct select_item *items, size_t count, const char *cwd,
                int *ret_ids)
{
    int id = 0;
    bool is_id = parse_id(s->target, &id);
    char *path = is_id ? NULL : path_resolve(cwd ? cwd : "/", s->target, NULL);
    if (!is_id && !path)
        return -ENOMEM;
    s->path = path;
    int n = collect(s, is_id ? match_name : match_name_or_script, items, count, ret_ids);
    free(path);
    if (n == 0)
        n = collect(s, match_namespace, items, count, ret_ids);
    if (n == 0 && is_id)
        ret_ids[n++] = id;
    return n;
}

int select_targets(const struct select_item *items, size_t count, const char *target,
                   const char *cwd, int flags, int *ret_ids, struct err *e)
{
    struct select s = {.target = target, .flags = flags};
    if (strcmp(target, "all") == 0) {
        int n = collect(&s, match_all, items, count, ret_ids);
        return n > 0 ? n : err_set(e, -ESRCH, "No process found");
    }
    if (is_regex(target))
        return select_by_regex(items, count, target, ret_ids, e);
    int n = find(&s, items, count, cwd, ret_ids);
    if (n < 0)
        return err_set(e, n, "out of memory");
    return n > 0 ? n : err_set(e, -ESRCH, "Process or Namespace %s not found", target);
}
