/* SPDX-License-Identifier: MIT
 * The order in which apps start: depth first through what each needs, so that it stays as it was
 * wherever nothing asks for a change. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/depends.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"

enum colour { WHITE, ON_PATH, PLACED };

struct order {
    const struct depend_node *nodes;
    size_t count;
    depend_problem_fn *problem;
    void *ctx;
    json_t *by_name; /* name -> places */
    size_t *needs;   /* of all nodes, one after the other */
    size_t *begin;   /* of node i: needs[begin[i]] to needs[begin[i + 1]] */
    size_t *path;    /* of the walk */
    size_t *next;    /* need of a node that is looked at next */
    unsigned char *colour;
    size_t need_count, need_room;
};

static void tell(const struct order *o, enum depend_problem kind, size_t node, const char *text)
{
    if (o->problem)
        o->problem(o->ctx, kind, node, text);
}

/* ---- who needs whom ---- */

static bool has_needs(const struct order *o)
{
    for (size_t i = 0; i < o->count; i++)
        if (json_object_size(o->nodes[i].depends_on) > 0)
            return true;
    return false;
}

static int index_names(struct order *o)
{
    if (!has_needs(o)) /* nobody will ask */
        return 0;
    for (size_t i = 0; i < o->count; i++) {
        json_t *places = json_object_get(o->by_name, o->nodes[i].name);
        if (!places && json_object_set_new(o->by_name, o->nodes[i].name, json_array()) < 0)
            return -ENOMEM;
        places = json_object_get(o->by_name, o->nodes[i].name);
        if (json_array_append_new(places, json_integer((json_int_t)i)) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int add_need(struct order *o, size_t place)
{
    if (o->need_count == o->need_room) {
        size_t room = o->need_room ? o->need_room * 2 : 64;
        size_t *more = reallocarray(o->needs, room, sizeof(*more));
        if (!more)
            return -ENOMEM;
        o->needs = more;
        o->need_room = room;
    }
    o->needs[o->need_count++] = place;
    return 0;
}

/* The namespace that `name` means for a node: its own, else the only one; NULL = several. */
static const char *pick_namespace(const struct order *o, const char *ns, const json_t *places)
{
    const char *found = NULL;
    bool is_single = true;
    size_t i;
    json_t *place;
    json_array_foreach (places, i, place) {
        const char *other = o->nodes[json_integer_value(place)].ns;
        if (strcmp(other, ns) == 0)
            return ns;
        is_single = is_single && (!found || strcmp(found, other) == 0);
        found = other;
    }
    return is_single ? found : NULL;
}

static int resolve(struct order *o, size_t node, const char *name)
{
    const json_t *places = json_object_get(o->by_name, name);
    const char *ns = places ? pick_namespace(o, o->nodes[node].ns, places) : NULL;
    if (!ns) {
        tell(o, places ? DEPEND_AMBIGUOUS : DEPEND_UNKNOWN, node, name);
        return 0;
    }
    size_t i;
    json_t *place;
    json_array_foreach (places, i, place) {
        size_t at = (size_t)json_integer_value(place);
        if (strcmp(o->nodes[at].ns, ns) == 0 && add_need(o, at) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int resolve_all(struct order *o)
{
    for (size_t i = 0; i < o->count; i++) {
        const char *name;
        json_t *condition;
        o->begin[i] = o->need_count;
        json_object_foreach ((json_t *)o->nodes[i].depends_on, name, condition) {
            if (resolve(o, i, name) < 0)
                return -ENOMEM;
        }
    }
    o->begin[o->count] = o->need_count;
    return 0;
}

/* ---- the walk ---- */

/* The path from `node` to its end, and back. */
static void tell_cycle(const struct order *o, size_t depth, size_t node)
{
    AUTO(buf) text = BUF_INIT;
    size_t first = depth;
    while (o->path[first] != node)
        first--;
    for (size_t i = first; i <= depth; i++)
        buf_printf(&text, "%s -> ", o->nodes[o->path[i]].name);
    buf_add_c(&text, o->nodes[node].name);
    tell(o, DEPEND_CYCLE, node, text.data);
}

/* Everything that `root` needs, then itself; without recursion, a chain may be long. */
static size_t place(struct order *o, size_t root, size_t *ret, size_t n)
{
    size_t depth = 0;
    o->path[0] = root;
    o->colour[root] = ON_PATH;
    o->next[root] = o->begin[root];
    for (;;) {
        size_t node = o->path[depth];
        if (o->next[node] == o->begin[node + 1]) {
            o->colour[node] = PLACED;
            ret[n++] = node;
            if (depth-- == 0)
                return n;
            continue;
        }
        size_t need = o->needs[o->next[node]++];
        if (o->colour[need] == ON_PATH) {
            tell_cycle(o, depth, need);
        } else if (o->colour[need] == WHITE) {
            o->path[++depth] = need;
            o->colour[need] = ON_PATH;
            o->next[need] = o->begin[need];
        }
    }
}

int depends_order(const struct depend_node *nodes, size_t count, depend_problem_fn *problem,
                  void *ctx, size_t *ret)
{
    struct order o = {.nodes = nodes, .count = count, .problem = problem, .ctx = ctx};
    size_t n = 0;
    int rc = -ENOMEM;
    o.by_name = json_object();
    o.begin = calloc(count + 1, sizeof(*o.begin));
    o.path = calloc(count + 1, sizeof(*o.path));
    o.next = calloc(count + 1, sizeof(*o.next));
    o.colour = calloc(count + 1, sizeof(*o.colour));
    if (o.by_name && o.begin && o.path && o.next && o.colour && (rc = index_names(&o)) == 0 &&
        (rc = resolve_all(&o)) == 0) {
        for (size_t i = 0; i < count; i++) {
            if (o.colour[i] == WHITE)
                n = place(&o, i, ret, n);
        }
    }
    json_decref(o.by_name);
    free(o.needs);
    free(o.begin);
    free(o.path);
    free(o.next);
    free(o.colour);
    return rc;
}
