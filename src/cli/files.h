/* SPDX-License-Identifier: MIT
 * Process files as targets: read here, carried out by the daemon in one call, and told in PM2's
 * lines. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "procfile/procfile.h"

struct file_order {
    const char *action; /* as c.file knows it: start, apply, stop, delete, plan */
    const char *method; /* PM2's name of what happens to apps that run, in its lines */
    bool terse;         /* without the line that says so: what PM2 does with `restart -` */
};

/* True for what PM2 takes for a process file: a word with one of the extensions in it, or "-". */
bool files_is(const char *target);

/* files_is(), or complain that the word is none. */
bool files_check(struct cli *cli, const char *target);

/* Read a file, or print why it cannot be read; `lazily`: see procfile_read_lazily(). 0, or the exit
 * code. */
int files_read(struct cli *cli, const char *target, bool lazily, struct procfile *ret);

/* The words of --only, which take lists with commas; empty when it was not given. New reference. */
json_t *files_only(const struct args *args);

/* Read the file, give the order (the daemon is connected to, or launched), print what came of it.
 * Exit code. The list of processes is the caller's to print. */
int files_run(struct cli *cli, const struct args *args, const char *target,
              const struct file_order *order);

/* The same without printing: c.file's answer, new reference, or NULL after the error was printed.
 */
json_t *files_ask(struct cli *cli, const struct args *args, const char *target, const char *action);

/* Print what is wrong with a file, and what is odd: `errors` and `warnings` as in c.file's answer.
 * True when there was an error. */
bool files_tell_notes(struct cli *cli, const char *target, const json_t *answer);

/* Print what came of c.file. Exit code. */
int files_tell(struct cli *cli, const char *target, const struct file_order *order,
               const json_t *answer);
