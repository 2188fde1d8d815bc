/* SPDX-License-Identifier: MIT
 * What the programs of probe.c (blocking face) and probe_async.c (callback face) share. Compiled
 * with the public header alone. */
#ifndef PROBE_H
#define PROBE_H

#include <pm2/pm2.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(expr)                                                                                \
    do {                                                                                           \
        if (!(expr)) {                                                                             \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expr);                             \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* A new handle, connected in that mode; ends the program when that does not work. */
struct pm2 *connected(enum pm2_mode mode);
/* Start api.sh under the name api. */
void start_ticking(struct pm2 *p, struct pm2_list **ret);

struct program {
    const char *name;
    void (*run)(void);
};

/* Of the callback face; the last has no name. */
extern const struct program async_programs[];

#endif
