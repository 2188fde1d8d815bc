/* SPDX-License-Identifier: MIT
 * One run of the program: where things lie, how to print, and the daemon on the other end. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "app/paths.h"
#include "base/err.h"
#include "base/str.h"
#include "cli/ui/ui.h"
#include "client/client.h"

/* The release of PM2 whose behaviour this is; PM2's own client compares it. */
#define CLI_PM2_VERSION "7.0.4"

/* How long a question may take that only reads. */
#define CLI_ANSWER_MS 30000

struct args;
struct user_ids;

struct cli {
    struct ui ui;
    struct pm2_paths paths;
    char *cwd;             /* absolute */
    struct client *client; /* NULL until cli_connect() */
    bool stays;            /* --no-daemon: the logs of all apps follow the list */
    bool is_owner;         /* --no-daemon: the daemon was launched for this program alone */
    bool attaches;         /* --attach: the logs of what was acted upon follow the list */
    json_t *descriptors;   /* secret_fd.c: what was read, by number; NULL */
    json_t *acted;         /* ids of the processes that an order reached */
};

enum cli_connect_flags {
    CLI_LAUNCH = 1, /* start a daemon when none runs */
};

/* Run the command line; its exit code. */
int cli_main(int argc, char *const *argv);

/* Connect and make sure that it is our daemon, and not a Node PM2, that answers. Nothing to do when
 * that was done before. 0, or negative after the error was printed; -ENOENT without CLI_LAUNCH when
 * no daemon runs (nothing printed). */
int cli_connect(struct cli *cli, int flags);

/* Who answers. */
struct cli_daemon {
    int pid, keeper;
    char version[64]; /* ours, not PM2's */
};
/* 0, or negative with `e`. */
int cli_hello(struct cli *cli, struct cli_daemon *ret, struct err *e);

/* The daemon went away: connect to its successor, without a word. 0, or negative with `e`; then the
 * dead connection stays. */
int cli_connect_again(struct cli *cli, struct err *e);

/* Call a method with the JSON text of its only argument (empty: {}). 0 and *ret (borrowed until the
 * next call), or negative with `e`. timeout_ms 0 = wait for ever. */
int cli_call(struct cli *cli, const char *method, struct str arg, int timeout_ms, struct str *ret,
             struct err *e);

/* The same, and the answer as a new reference; NULL after the error was printed. */
json_t *cli_ask(struct cli *cli, const char *method, struct str arg, int timeout_ms);

/* The user that runs this program; to be freed with user_ids_fini(). False when nobody knows. */
bool cli_me(struct user_ids *ret);

/* Print an error of the daemon or of the client and return the exit code. */
int cli_fail(struct cli *cli, const struct err *e);

/* Complain that a thing which PM2 has is missing here; returns the exit code. */
int cli_not_available(struct cli *cli, const char *what);

/* Print the list of processes as after most commands, in the look that the options ask for, and on
 * stderr why processes cannot start; then the logs that --attach and --no-daemon ask for. Exit
 * code. */
int cli_list(struct cli *cli, const struct args *args);
/* The list alone. */
int cli_list_once(struct cli *cli, const struct args *args);
