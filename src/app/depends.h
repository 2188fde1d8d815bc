/* SPDX-License-Identifier: MIT
 * What an app needs before it starts (depends_on), as a conf has it: an object of names and
 * conditions, or in what a user wrote also a list of names, each "started". Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum depend_condition {
    DEPEND_STARTED,   /* it is online */
    DEPEND_READY,     /* it said that it is ready, or its probe succeeded; like started without */
    DEPEND_COMPLETED, /* it ended with exit code 0 */
    DEPEND_PORT,      /* something listens on 127.0.0.1:port */
};

struct depend {
    const char *name; /* of an app: of the same namespace if there is one, else of any */
    enum depend_condition condition;
    int port; /* 0 unless DEPEND_PORT */
};

/* The public word of a condition ("started"; "port" for ports). Static. */
const char *depend_word(enum depend_condition condition);

/* Take a condition apart ("ready", "port:5432"); `ret->name` is not touched. False when it is none.
 */
bool depend_parse(const char *text, struct depend *ret);

/* The dependencies of a conf, in order; elements that nobody can mean (a conf from outside) are
 * left out. *ret is to be freed, its names are borrowed from `conf`. Number, or -ENOMEM. */
int depends_of(const json_t *conf, struct depend **ret);

/* ---- order ---- */

/* One app, or one process of it. Borrowed. */
struct depend_node {
    const char *name, *ns;
    const json_t *depends_on; /* as in a conf; NULL = nothing */
};

enum depend_problem {
    DEPEND_UNKNOWN,   /* text: the name that no node has */
    DEPEND_AMBIGUOUS, /* text: a name of several namespaces, none of them the node's own */
    DEPEND_CYCLE,     /* text: "a -> b -> a" */
};
typedef void depend_problem_fn(void *ctx, enum depend_problem kind, size_t node, const char *text);

/* The places of `nodes` in an order in which each comes after all those that it needs, and
 * otherwise as given; backwards it is the order of a stop. Needs that have a problem are told to
 * `problem` (may be NULL: ignored) and count for nothing. `ret` has room for `count`. 0, or
 * -ENOMEM. */
int depends_order(const struct depend_node *nodes, size_t count, depend_problem_fn *problem,
                  void *ctx, size_t *ret);
