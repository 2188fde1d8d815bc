/* SPDX-License-Identifier: MIT
 * Values of variables that are references: the value itself is in no list, file or message of ours,
 * and is fetched at each start. Pure.
 *
 *   secret:file:/run/secrets/db          what the file holds, less one newline at its end
 *   secret:command:["pass","show","db"]  what the command prints; words (split.h) will do, too
 *   secret:fd:3                          read once by the command that starts the app
 *   secret:value:TEXT                    handed over: pm2d makes a file of it (secret_store.h)
 *
 * In process files also {"secret": {"file": ...}} and so on. Any other text is a value, whatever it
 * begins with. What pm2d keeps is of the first two kinds. */
#pragma once

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>

#include "base/err.h"

enum secret_kind { SECRET_NONE, SECRET_FILE, SECRET_COMMAND, SECRET_FD, SECRET_VALUE };

struct secret {
    enum secret_kind kind;
    const char *text; /* path, number or value; borrowed from what was parsed */
    json_t *argv;     /* of a command: at least one string; owned */
    int fd;
};

/* 0, also when it is no reference (SECRET_NONE); -EINVAL with `e` (which quotes no value), -ENOMEM.
 * secret_fini() in any case. */
int secret_parse(const char *text, struct secret *ret, struct err *e);
void secret_fini(struct secret *s);
/* By its first words only: it may be one that cannot be parsed. NULL is none. */
bool secret_is_reference(const char *text);

/* Is it {"secret": ...}, and nothing else? */
bool secret_is_object(const json_t *value);
/* The text of it. New reference; NULL with `e`. */
json_t *secret_from_object(const json_t *value, struct err *e);

/* The names that a setting stands for: an extended regular expression, or `true` for the usual
 * names of secrets (letters of both cases are the same). `value` NULL, "" and false: none. 1 with
 * `ret` (regfree()), 0: none, -EINVAL with `e`. */
int secret_names(const json_t *value, regex_t *ret, struct err *e);
