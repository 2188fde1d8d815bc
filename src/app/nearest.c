/* SPDX-License-Identifier: MIT
 * Edit distance with transpositions (optimal string alignment), three rows at a time. Pure. */
#include "app/nearest.h"

#include <ctype.h>
#include <string.h>

struct word {
    char text[NEAREST_WORD_MAX];
    unsigned len;
};

/* Lower case, without separators; cut when it is too long. */
static void fold(struct word *w, const char *text)
{
    w->len = 0;
    for (; *text && w->len < NEAREST_WORD_MAX; text++) {
        if (*text != '_' && *text != '-')
            w->text[w->len++] = (char)tolower((unsigned char)*text);
    }
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const struct word *a, const struct word *b)
{
    unsigned rows[3][NEAREST_WORD_MAX + 1];
    for (unsigned k = 0; k <= b->len; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a->len; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *before = rows[(i + 2) % 3];
        now[0] = i;
        for (unsigned k = 1; k <= b->len; k++) {
            unsigned change = before[k - 1] + (a->text[i - 1] != b->text[k - 1]);
            now[k] = smaller(change, 1 + smaller(before[k], now[k - 1]));
            if (i > 1 && k > 1 && a->text[i - 1] == b->text[k - 2] &&
                a->text[i - 2] == b->text[k - 1])
                now[k] = smaller(now[k], rows[(i + 1) % 3][k - 2] + 1);
        }
    }
    return rows[a->len % 3][b->len];
}

void nearest_init(struct nearest *n, const char *typed)
{
    struct word w;
    *n = (struct nearest){.typed = typed};
    fold(&w, typed);
    if (strlen(typed) <= NEAREST_WORD_MAX)
        n->distance = w.len / 3 + 1;
}

void nearest_offer(struct nearest *n, const char *candidate)
{
    struct word a, b;
    if (n->distance == 0 || strlen(candidate) > NEAREST_WORD_MAX)
        return;
    fold(&a, n->typed);
    fold(&b, candidate);
    unsigned d = distance(&a, &b);
    if (d < n->distance) {
        n->distance = d;
        n->best = candidate;
    }
}
