/* SPDX-License-Identifier: MIT
 * Start at boot: what an init system is given, and the commands that make it known. Pure: texts and
 * lists of arguments; cmd_startup.c writes and runs them. No shell ever sees one of these texts but
 * inside of a script of ours, quoted. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct startup_platform;

/* By any of PM2's names ("systemd", "ubuntu", ...); NULL when there is none. */
const struct startup_platform *startup_find(const char *name);
/* The platforms in the order in which they are looked for, from 0; NULL behind the last. */
const struct startup_platform *startup_at(size_t i);
const char *startup_name(const struct startup_platform *p);
/* The program whose being in PATH tells the platform. */
const char *startup_mark(const struct startup_platform *p);

/* The init system of one user, who needs no rights for it. */
bool startup_is_own(const struct startup_platform *p);
/* Whether `keep_apps` is possible. */
bool startup_can_keep(const struct startup_platform *p);

/* What goes into the file. Borrowed. */
struct startup_facts {
    const char *user;
    const char *service; /* --service-name; NULL = made of the user's name */
    const char *pm2;     /* absolute path of the program */
    const char *pm2_home;
    const char *path; /* PATH of the apps */
    const char *home; /* of the user */
    bool wait_ip;
    bool keep_apps; /* a restart of the service leaves the apps alone: cli/service.h */
};

/* Whether each of them can be written without changing its meaning. 0 or -EINVAL with `e`. */
int startup_check(const struct startup_facts *f, struct err *e);

struct startup_plan {
    char *file; /* where the text goes */
    struct buf text;
    json_t *enable; /* [[argument, ...], ...]: made known, in order */
    json_t *disable;
};

/* 0 or -ENOMEM with `e`. The facts have been checked. */
int startup_plan_init(struct startup_plan *plan, const struct startup_platform *p,
                      const struct startup_facts *f, struct err *e);
void startup_plan_fini(struct startup_plan *plan);
