/* SPDX-License-Identifier: MIT
 * Who of several workers gets the next connection. Pure.
 *
 * round-robin        each in turn, the ones that are not free left out
 * least-connections  the free one with the fewest open ones; in turn where several have as few
 * sticky             by the client's address: rendezvous hashing, so that a worker that comes or
 *                    goes moves none of the others' clients
 * shared, reuseport  nobody chooses here: the kernel does, among those who wait in accept() */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The attribute `balance`, in the order of BALANCE_CHOICES. */
enum balance_mode {
    BALANCE_ROUND_ROBIN,
    BALANCE_LEAST_CONNECTIONS,
    BALANCE_STICKY,
    BALANCE_SHARED,
    BALANCE_REUSEPORT,
    BALANCE_COUNT
};

#define BALANCE_CHOICES "round-robin, least-connections, sticky, shared, reuseport"

const char *balance_name(enum balance_mode mode);
/* `given` is the attribute, NULL = none; `policy` is NODE_CLUSTER_SCHED_POLICY of the app's
 * environment, NULL = none: "none" stands for shared where no attribute says otherwise. */
enum balance_mode balance_mode_of(const char *given, const char *policy);

struct balance {
    size_t next; /* whose turn it is */
};

/* Questions about the worker at `index`. */
struct balance_asks {
    void *ctx;
    bool (*can_take)(void *ctx, size_t index);     /* a connection, now */
    uint64_t (*load)(void *ctx, size_t index);     /* how many it has; least-connections */
    uint64_t (*identity)(void *ctx, size_t index); /* of its process, over all runs; sticky */
};

/* Each gives the index of the worker that is to get it, of `count`; -1 when none can take it. */
ssize_t balance_in_turn(const struct balance *b, size_t count, const struct balance_asks *ask);
ssize_t balance_least(const struct balance *b, size_t count, const struct balance_asks *ask);
ssize_t balance_sticky(uint64_t client, size_t count, const struct balance_asks *ask);

/* The worker at `index` got one. */
void balance_gave(struct balance *b, size_t index);
/* The worker at `index` was taken out of the list, those behind it moved up: nobody's turn is lost
 * by that. */
void balance_removed(struct balance *b, size_t index);

/* A number for any bytes, the same on every machine; `seed` chains several. */
uint64_t balance_hash(const void *bytes, size_t n, uint64_t seed);
