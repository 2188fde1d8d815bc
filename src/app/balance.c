/* SPDX-License-Identifier: MIT
 * The choice among workers. */
#include "app/balance.h"

#include <string.h>

#include "base/attr.h"

/* ---- names ---- */

static const char *const names[] = {
    [BALANCE_ROUND_ROBIN] = "round-robin", [BALANCE_LEAST_CONNECTIONS] = "least-connections",
    [BALANCE_STICKY] = "sticky",           [BALANCE_SHARED] = "shared",
    [BALANCE_REUSEPORT] = "reuseport",
};
_Static_assert(ARRAY_LEN(names) == BALANCE_COUNT, "a mode without a name");

const char *balance_name(enum balance_mode mode)
{
    return names[mode];
}

enum balance_mode balance_mode_of(const char *given, const char *policy)
{
    for (size_t i = 0; given && i < ARRAY_LEN(names); i++)
        if (strcmp(given, names[i]) == 0)
            return (enum balance_mode)i;
    return policy && strcmp(policy, "none") == 0 ? BALANCE_SHARED : BALANCE_ROUND_ROBIN;
}

/* ---- in turn ---- */

ssize_t balance_in_turn(const struct balance *b, size_t count, const struct balance_asks *ask)
{
    for (size_t i = 0; i < count; i++) {
        size_t index = (b->next + i) % count;
        if (ask->can_take(ask->ctx, index))
            return (ssize_t)index;
    }
    return -1;
}

ssize_t balance_least(const struct balance *b, size_t count, const struct balance_asks *ask)
{
    ssize_t best = -1;
    uint64_t least = 0;
    for (size_t i = 0; i < count; i++) {
        size_t index = (b->next + i) % count;
        if (!ask->can_take(ask->ctx, index))
            continue;
        uint64_t load = ask->load(ask->ctx, index);
        if (best < 0 || load < least) {
            best = (ssize_t)index;
            least = load;
        }
    }
    return best;
}

void balance_gave(struct balance *b, size_t index)
{
    b->next = index + 1;
}

void balance_removed(struct balance *b, size_t index)
{
    if (b->next > index)
        b->next--;
}

/* ---- by client ---- */

/* The finisher of splitmix64 (public domain): every bit of the input moves every bit of the result,
 * which comparing scores needs and FNV alone does not give. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* FNV-1a */
uint64_t balance_hash(const void *bytes, size_t n, uint64_t seed)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return mix(h);
}

ssize_t balance_sticky(uint64_t client, size_t count, const struct balance_asks *ask)
{
    ssize_t best = -1;
    uint64_t highest = 0;
    for (size_t i = 0; i < count; i++) {
        if (!ask->can_take(ask->ctx, i))
            continue;
        uint64_t score = mix(client ^ mix(ask->identity(ask->ctx, i)));
        if (best < 0 || score > highest) {
            best = (ssize_t)i;
            highest = score;
        }
    }
    return best;
}
