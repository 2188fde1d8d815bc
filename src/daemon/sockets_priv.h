/* SPDX-License-Identifier: MIT
 * Inside sockets.c (whose is what, and when) and inlet.c (the sockets themselves). */
#pragma once

#include "app/listen.h"
#include "base/list.h"
#include "listener.h"
#include "proc.h"
#include "sockets.h"

struct sockets {
    struct proc_env *env;
    const struct table *table;
    struct list inlets;
    size_t seat_count;
};

struct inlet {
    struct list link;
    struct sockets *owner;
    char *app, *ns;           /* whose */
    char *text;               /* as in the conf */
    struct listen_address at; /* borrows from `text` */
    struct seat **seats;      /* TCP: in the order in which the kernel has them in the group */
    size_t count, cap;
    bool is_unordered; /* that order is not known: the kernel's hash distributes */
};

struct seat {
    struct inlet *inlet;
    struct proc *proc; /* the one in the table, not an other generation; NULL until recovery */
    int pm_id;
    unsigned side;          /* struct proc.slot of the generation that has it */
    struct run *run;        /* that has it; NULL */
    bool is_leaving;        /* its run was told to end */
    struct listener socket; /* UNIX: `path` may be beside the address: until the switch */
    unsigned version;       /* of what the keeper's name says */
    size_t place;           /* as the keeper's name says it: only for recovery */
    char *stored_as;        /* NULL = not there */
};

/* ---- inlet.c ---- */

/* NULL when there is none. */
struct inlet *inlet_find(const struct sockets *ss, const char *text);
struct inlet *inlet_new(struct sockets *ss, const char *app, const char *ns, const char *text);
void inlet_free(struct inlet *in); /* without seats */
/* It is now called otherwise. 0 or -ENOMEM. */
int inlet_rename(struct inlet *in, const char *app, const char *ns);

/* Open a socket at an address only to see whether that is possible. */
int inlet_probe(struct sockets *ss, const struct listen_address *at, struct listener *ret,
                struct err *e);

/* A process of the app may live on with sockets that nobody else has: pm2d and keeper both died. */
bool inlet_has_stray(const struct sockets *ss, const char *app, const char *ns);

struct seat *seat_find(const struct inlet *in, const struct proc *p, unsigned side);
/* A new one for (p, side). NULL with `e`. */
struct seat *seat_open(struct inlet *in, struct proc *p, unsigned side, struct err *e);
/* One that is there already. Takes `socket` in any case. NULL on OOM. */
struct seat *seat_add(struct inlet *in, int pm_id, unsigned side, struct listener *take_socket);
/* `for_good`: for all who have a copy. */
void seat_close(struct seat *s, bool for_good);
/* An app has shut it down, or its file is gone, for good: it has to be opened anew. */
bool seat_is_broken(const struct seat *s);
/* UNIX: other seats are the same socket. */
bool seat_is_shared(const struct seat *s);
/* UNIX: from beside to where it belongs. */
void seat_unpark(struct seat *s);
/* Its process is there for new connections. */
bool seat_is_up(const struct seat *s);

/* Those that an app has shut down listen again. */
void inlet_mend(struct inlet *in);
/* The same; and new connections go to the right ones. */
void inlet_steer(struct inlet *in);

/* ---- inlet_store.c ---- */

/* Have the keeper hold it under a name that fits. */
void seat_store(struct seat *s);
void seat_unstore(struct seat *s);

/* From the keeper. False: not ours, nothing taken. */
bool inlet_adopt(struct sockets *ss, struct str name, int take_fd);
/* After all have come: each at its place. */
void inlet_sort(struct inlet *in);

/* ---- sockets_leave.c ---- */

void leave_cancel(struct run *r);

/* ---- sockets.c ---- */

/* At each of its addresses another process takes new connections. */
bool sockets_has_relief(const struct run *r);

/* The text of what listener_open() said: who is in the way, or what is missing. `code`. */
int sockets_explain(const struct sockets *ss, const struct listen_address *at, int code,
                    struct err *e);
