/* SPDX-License-Identifier: MIT
 * What stop, restart and delete have in common: targets one after the other, PM2's lines for each,
 * and the request's parts that start uses too. */
#pragma once

#include <jansson.h>

#include "cli/args.h"
#include "cli/cli.h"
#include "json/write.h"

struct action {
    const char *name;   /* as c.act knows it */
    const char *method; /* as PM2's lines show it */
    const char *notice; /* line in front of each target, unless -a is given; NULL = none */
    const char *file;   /* what c.file calls it, for process files */
    bool changes;       /* takes options, arguments and environment */
    bool no_list;       /* the list of processes is not printed at the end */
    bool attaches;      /* knows --attach */
    bool tells_logs;    /* after a failure the last lines of the one that failed are shown */
};

/* Exit code. */
int action_run(struct cli *cli, const struct args *args, const struct action *action);

/* Write the member "parallel" of --parallel. 0, or the exit code after a complaint. */
int action_write_parallel(struct cli *cli, const struct args *args, struct jw *w);

/* The attributes on the command line, with what --ext makes of them. New reference. */
json_t *action_options(struct cli *cli, const struct args *args);
/* Write the members "args" (words behind --) and "options". */
void action_write_changes(struct cli *cli, const struct args *args, struct jw *w);
/* Write the member "env": this program's environment, and what PM2's CLI adds to it. 0, or the exit
 * code after a complaint. */
int action_write_env(struct cli *cli, struct jw *w, bool from_file);

/* `Applying action METHOD on app [TARGET](ids: [ 0, 1 ])` */
void action_tell(struct cli *cli, const char *method, const char *target, const json_t *ids);
/* `[NAME](ID) ✓`; `name` may be NULL. The process counts as acted upon (--attach). */
void action_tell_done(struct cli *cli, const char *name, long long id);
/* What a schedule is about to do; nothing when it is NULL. */
void action_tell_schedule(struct cli *cli, const char *pattern);
/* The same for --cron-restart. */
void action_tell_cron(struct cli *cli, const struct args *args);
/* True when the warning is of a folder that will be made, and told: PM2 does it in two lines. */
bool action_tell_folder(struct cli *cli, const char *warning);
/* Lines of an array of texts, as warnings on stdout. */
void action_tell_warnings(struct cli *cli, const json_t *warnings);
/* The daemon's refusal; returns the exit code. */
int action_fail(struct cli *cli, const char *text);
