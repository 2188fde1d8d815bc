/* SPDX-License-Identifier: MIT
 * A place where apps find us: up to two sockets, each made when the first app needs it. One is a
 * file in PM2_HOME (0600); the other one has an abstract address, for apps of other users, who
 * cannot enter PM2_HOME, and for a PM2_HOME whose path is too long. The keeper holds duplicates:
 * what comes while no pm2d is there waits. Runs in pm2d. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/str.h"

struct door;
struct proc;
struct proc_env;

struct door_kind {
    const char *name;     /* short, of letters: in the keeper's store and in the log */
    const char *file;     /* in PM2_HOME */
    const char *variable; /* in the environment of apps */
    int type;             /* SOCK_DGRAM or SOCK_STREAM */
    /* Something can be taken from `fd`. */
    void (*readable)(void *ctx, int fd);
    /* After door_close(), last of all. */
    void (*closed)(void *ctx);
};

/* `kind` and `env` are borrowed for its life; `env` need not be complete yet. NULL on OOM. */
struct door *door_new(const struct door_kind *kind, struct proc_env *env, void *ctx);
/* Recovery, step 1: what the keeper holds. False: it is none of ours; `take_fd` is not taken. */
bool door_take_stored(struct door *d, struct str name, int take_fd);
/* The keeper of env->link is another one now: it shall hold them as well. */
void door_rehome(struct door *d);
/* Asynchronous; frees itself. `for_good`: nobody will come after us. */
void door_close(struct door *d, bool for_good);

/* Where `p` finds us; the socket is made if need be. NULL: there is none (logged once). */
const char *door_address(struct door *d, const struct proc *p);
/* Call `readable` for what has come and was not told yet. */
void door_look(struct door *d);
/* The variable in `env` ("KEY=value" texts): `address`. NULL: none, if it is one of ours; another
 * one is the user's and stays. 0 or -ENOMEM. */
int door_set_variable(const struct door *d, json_t *env, const char *address);
