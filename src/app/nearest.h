/* SPDX-License-Identifier: MIT
 * The known word that somebody may have meant: "did you mean ...?". Pure, no allocation. */
#pragma once

/* Longer words get no proposal. */
#define NEAREST_WORD_MAX 48

struct nearest {
    const char *typed; /* borrowed */
    const char *best;  /* borrowed from what was offered; NULL = nothing is near */
    unsigned distance; /* of `best`; candidates must be nearer */
};

/* Start a search. Words are near when at most a third of the letters differ: by one that is wrong,
 * missing, or too many, or by two that changed places. Case, "_" and "-" do not count. */
void nearest_init(struct nearest *n, const char *typed);
/* Offer a candidate; among equally near ones the first is kept. */
void nearest_offer(struct nearest *n, const char *candidate);
