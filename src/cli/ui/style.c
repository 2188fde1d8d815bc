/* SPDX-License-Identifier: MIT
 * The table of sequences and the decision about colours. Pure. */
#include "cli/ui/style.h"

#include <string.h>

static const struct {
    const char *open, *close;
} sequences[STYLE_COUNT] = {
    [STYLE_NONE] = {"", ""},
    [STYLE_GREEN] = {"\033[32m", "\033[39m"},
    [STYLE_RED] = {"\033[31m", "\033[39m"},
    [STYLE_BLUE] = {"\033[34m", "\033[39m"},
    [STYLE_YELLOW] = {"\033[33m", "\033[39m"},
    [STYLE_CYAN] = {"\033[36m", "\033[39m"},
    [STYLE_GREY] = {"\033[90m", "\033[39m"},
    [STYLE_BOLD] = {"\033[1m", "\033[22m"},
    [STYLE_BOLD_GREEN] = {"\033[32m\033[1m", "\033[22m\033[39m"},
    [STYLE_BOLD_RED] = {"\033[31m\033[1m", "\033[22m\033[39m"},
    [STYLE_BOLD_BLUE] = {"\033[34m\033[1m", "\033[22m\033[39m"},
    [STYLE_BLUE_BOLD] = {"\033[1m\033[34m", "\033[39m\033[22m"},
    [STYLE_BOLD_CYAN] = {"\033[1m\033[36m", "\033[39m\033[22m"},
    [STYLE_INVERSE_BOLD] = {"\033[7m\033[1m", "\033[22m\033[27m"},
    [STYLE_BOLD_INVERSE] = {"\033[1m\033[7m", "\033[27m\033[22m"},
    [STYLE_BOLD_GREY] = {"\033[1m\033[90m", "\033[39m\033[22m"},
    [STYLE_HINT] = {"\033[37m\033[3m", "\033[23m\033[39m"},
    [STYLE_DIM_GREY] = {"\033[2m\033[90m", "\033[39m\033[22m"},
    [STYLE_ON_GREY] = {"\033[100m", "\033[49m"},
};

void style_open(struct buf *out, bool on, enum style style)
{
    if (on)
        buf_add_c(out, sequences[style].open);
}

void style_close(struct buf *out, bool on, enum style style)
{
    if (on)
        buf_add_c(out, sequences[style].close);
}

void style_add(struct buf *out, bool on, enum style style, struct str s)
{
    style_open(out, on, style);
    buf_add_str(out, s);
    style_close(out, on, style);
}

enum style style_of_status(const char *status)
{
    if (strcmp(status, "online") == 0)
        return STYLE_BOLD_GREEN;
    return strcmp(status, "launching") == 0 ? STYLE_BOLD_BLUE : STYLE_BOLD_RED;
}

static bool is_refused(const struct style_facts *f)
{
    const char *force = f->force_color;
    return f->flag_no_color || (f->no_color && *f->no_color) ||
           (force && (strcmp(force, "0") == 0 || strcmp(force, "false") == 0)) ||
           (f->term && strcmp(f->term, "dumb") == 0);
}

bool style_for_frames(const struct style_facts *f)
{
    return !is_refused(f) && (f->is_terminal || f->flag_color || f->force_color);
}

bool style_for_messages(const struct style_facts *f)
{
    return style_for_frames(f) || (!is_refused(f) && f->ci && *f->ci);
}
