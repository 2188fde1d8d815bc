/* SPDX-License-Identifier: MIT
 * Values that commands do not print: those of variables whose names match the setting pm2:redact,
 * an extended regular expression (letters of both cases are the same); `true` stands for the usual
 * names of secrets. What programs get over the socket is not touched: they give it back to the
 * daemon. */
#pragma once

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>

struct cli;

struct redact {
    bool is_on;
    regex_t names;
};

/* Read the setting. 0, or the exit code after the error was printed: a pattern that cannot be used
 * must not let secrets through. */
int redact_init(struct redact *r, struct cli *cli);
void redact_fini(struct redact *r);

/* A pm2_env: its variables, under `env` and at the top. Edited in place. */
void redact_env(const struct redact *r, json_t *pm2_env);
/* The same of each process of a list. */
void redact_list(const struct redact *r, json_t *list);
