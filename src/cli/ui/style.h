/* SPDX-License-Identifier: MIT
 * Colours, and when they are on. The escape sequences are those of PM2, so that output can be
 * compared byte for byte. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

enum style {
    STYLE_NONE,
    STYLE_GREEN,
    STYLE_RED,
    STYLE_BLUE,
    STYLE_YELLOW,
    STYLE_CYAN,
    STYLE_GREY,
    STYLE_BOLD,
    STYLE_BOLD_GREEN,   /* online */
    STYLE_BOLD_RED,     /* stopped, errored */
    STYLE_BOLD_BLUE,    /* launching */
    STYLE_BLUE_BOLD,    /* the same look, nested the other way round: notices */
    STYLE_BOLD_CYAN,    /* heads of tables */
    STYLE_INVERSE_BOLD, /* titles, and the mode fork */
    STYLE_BOLD_INVERSE,
    STYLE_BOLD_GREY,
    STYLE_HINT,     /* white, italic */
    STYLE_DIM_GREY, /* times before lines */
    STYLE_ON_GREY,  /* what --highlight asks for */
    STYLE_COUNT
};

/* Append `s`, between the sequences of `style` when `on`. */
void style_add(struct buf *out, bool on, enum style style, struct str s);
/* Its two halves, for text that is appended in pieces. */
void style_open(struct buf *out, bool on, enum style style);
void style_close(struct buf *out, bool on, enum style style);

/* Colour of a process status. */
enum style style_of_status(const char *status);

/* What decides about colours. Strings are values of environment variables, NULL = not set. */
struct style_facts {
    const char *no_color, *force_color, *term, *ci;
    bool flag_color, flag_no_color; /* --color, --no-color */
    bool is_terminal;
};

/* Messages: on a terminal, in CI, or when forced; never with NO_COLOR, --no-color, FORCE_COLOR=0 or
 * a dumb terminal. */
bool style_for_messages(const struct style_facts *f);
/* Frames of tables: the same, but CI alone is no reason. */
bool style_for_frames(const struct style_facts *f);
