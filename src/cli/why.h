/* SPDX-License-Identifier: MIT
 * Why a process ended: from the records of its history, and from the last lines of its error log.
 * Pure. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* What is to be explained. */
struct why_end {
    const json_t *end;     /* "ended" or "cannot"; NULL: it never ended, as far as is known */
    const json_t *started; /* the run that ended; NULL = unknown */
    const json_t *order;   /* that led to it; NULL = nobody gave one */
    const json_t *killed;  /* it got SIGKILL from us; NULL */
};

/* The last end in the records of one process, oldest first. Borrowed from `records`. */
struct why_end why_last_end(const json_t *records);

/* What the last lines of an error log say. */
struct why_clue {
    enum { CLUE_NONE, CLUE_PORT, CLUE_MODULE, CLUE_HEAP, CLUE_LINE } kind;
    int port;        /* CLUE_PORT; 0 = not told */
    struct buf text; /* CLUE_MODULE: its name; CLUE_LINE: the line */
};
/* Look at one more line; later ones win, unless they say less. */
void why_clue_line(struct why_clue *c, struct str line);

/* How the configuration of the run that ended differs from that of the last good one (it ended by
 * order, or after 10 s at least): "env.PORT, args", and the versions. Empty: no difference, or
 * nobody knows. */
void why_changes(struct buf *out, const json_t *records, const json_t *started);

/* Append what the run of now was told or expected to do and has not done, as sentences: it was
 * ordered to end, or it never said that it is ready. */
void why_pending(struct buf *out, const json_t *records, int64_t now_ms);

/* The cause in words, as far as the records know it; false when only a clue could tell. */
bool why_cause(struct buf *out, const struct why_end *w);
