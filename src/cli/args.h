/* SPDX-License-Identifier: MIT
 * The option grammar of PM2's command line. Pure: words in, struct args out; nothing is printed.
 *
 *   --x=v          is --x v, unless the word before is an option that requires a value
 *   -abc           is -a -b -c, with the same exception (so `-i -1` works)
 *   <value>        takes the next word whatever it is
 *   [value]        takes the next word unless it starts with '-'; a lone '-' is taken
 *   unknown option waits, with the word behind it, for the command to know it
 *   --             what follows is literal
 *
 * Options of the program may stand anywhere before `--`, also before the command. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cli/opts.h"
#include "json/write.h"

struct given {
    struct opt opt;
    const struct schema_row *row; /* attribute; NULL for other options */
    const char *typed;            /* the flag as typed */
    const char *value;            /* NULL when it takes none or got none */
};

struct words {
    const char **at;
    size_t count, room;
};

struct args {
    const char *command;   /* NULL when there is none */
    struct words position; /* behind the command */
    struct words literal;  /* behind -- */
    bool has_literal;
    bool help;
    struct given *given; /* in the order of the command line */
    size_t given_count, given_room;
    /* internal: words that no global option explains, and memory */
    struct words unknown, owned;
};

void args_init(struct args *a);
void args_fini(struct args *a);

/* First half: everything but the command's own options. `argv` (without the program's name) is
 * borrowed as long as `a` lives. 0, or -EINVAL with the text for the user. */
int args_parse(struct args *a, int argc, char *const *argv, struct err *e);

/* Second half: what is left belongs to a command with these options. Sets `help` for -h. */
int args_parse_own(struct args *a, const struct opt *own, size_t own_count, struct err *e);

/* For commands to which words behind `--` are words like others: put them behind the positions. */
void args_take_literal(struct args *a);

/* The last mention of an option, by any of its flags; NULL when it was not given. */
const struct given *args_given(const struct args *a, const char *flag);
static inline bool args_has(const struct args *a, const char *flag)
{
    return args_given(a, flag);
}
static inline const char *args_value(const struct args *a, const char *flag)
{
    const struct given *g = args_given(a, flag);
    return g ? g->value : NULL;
}
/* The first option that is not built yet; NULL when all are. */
const struct given *args_later(const struct args *a);

/* Name of the first missing argument of a usage text such as "<signal> <id|name>", copied without
 * its brackets into `ret`; false when none is missing. */
bool args_missing(const struct args *a, const char *usage, char *ret, size_t size);

/* Write an object of the given attributes. Last mention wins; an attribute that takes an optional
 * list gathers all. */
void args_write_options(const struct args *a, struct jw *w);
