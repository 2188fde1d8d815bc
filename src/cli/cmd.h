/* SPDX-License-Identifier: MIT
 * What a command is. Each cmd_<name>.c exports one entry; cmds.c lists them. Help, completion and
 * man pages come from the same entries, so that they cannot drift apart. */
#pragma once

#include <stddef.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "cli/opts.h"

#define CMD_ALIASES_MAX 4

enum cmd_flags {
    CMD_NO_EXTRA = 1,   /* further words are an error */
    CMD_ATTRIBUTES = 2, /* takes app attributes: help shows them */
    CMD_LITERAL = 4,    /* words behind -- are the script's, not ours */
};

struct cmd {
    const char *name;
    const char *aliases[CMD_ALIASES_MAX + 1];
    const char *args; /* "<required> [optional] <many...>"; "" for none */
    const struct opt *opts;
    size_t opt_count;
    const char *summary; /* our own words, one line */
    int flags;
    /* Exit code. NULL: known by name, not built yet. */
    int (*run)(struct cli *cli, const struct args *args);
};

#define CMD_OPTS(table) .opts = (table), .opt_count = ARRAY_LEN(table)

/* All commands, in the order of the help; `i` counts from 0; NULL behind the last. */
const struct cmd *cmd_at(size_t i);
/* By name or alias; NULL when there is none. */
const struct cmd *cmd_find(const char *name);
