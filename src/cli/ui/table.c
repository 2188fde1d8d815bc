/* SPDX-License-Identifier: MIT
 * Drawing of tables. Pure. */
#include "cli/ui/table.h"

#include <stdlib.h>
#include <string.h>

#include "cli/ui/text.h"

struct border {
    const char *left, *middle, *right;
};

static const struct border border_top = {"┌", "┬", "┐"};
static const struct border border_head = {"├", "┼", "┤"};
static const struct border border_bottom = {"└", "┴", "┘"};
#define DASH "─"
#define BAR  "│"

void table_init(struct table *t, const struct table_column *columns, size_t count)
{
    *t = (struct table){.columns = count < TABLE_COLUMNS_MAX ? count : TABLE_COLUMNS_MAX};
    memcpy(t->column, columns, t->columns * sizeof(columns[0]));
}

void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->count; i++)
        free(t->cells[i].text);
    free(t->cells);
    t->cells = NULL;
    t->count = t->room = 0;
}

void table_add(struct table *t, enum style style, struct str text)
{
    if (t->count == t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        struct table_cell *more = realloc(t->cells, room * sizeof(*more));
        t->oom = t->oom || !more;
        if (!more)
            return;
        t->cells = more;
        t->room = room;
    }
    struct buf clean = BUF_INIT;
    text_clean(&clean, text);
    char *owned = buf_detach(&clean);
    t->oom = t->oom || !owned;
    if (owned)
        t->cells[t->count++] = (struct table_cell){owned, style};
}

int table_width(const struct table_column *columns, size_t count)
{
    int sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += columns[i].width;
    return sum;
}

static void measure(const struct table *t, size_t *widths)
{
    for (size_t i = 0; i < t->columns; i++) {
        widths[i] = (size_t)t->column[i].width;
        if (widths[i] > 0)
            continue;
        widths[i] = t->column[i].head ? text_width(str_from(t->column[i].head)) + 2 : 2;
        for (size_t c = i; c < t->count; c += t->columns) {
            size_t w = text_width(str_from(t->cells[c].text)) + 2;
            if (w > widths[i])
                widths[i] = w;
        }
    }
}

static void draw_border(const struct table *t, const size_t *widths, const struct border *b,
                        bool frames, struct buf *out)
{
    style_open(out, frames, STYLE_GREY);
    for (size_t i = 0; i < t->columns; i++) {
        buf_add_c(out, i == 0 ? b->left : b->middle);
        text_repeat(out, widths[i], DASH);
    }
    buf_add_c(out, b->right);
    style_close(out, frames, STYLE_GREY);
    buf_add_byte(out, '\n');
}

/* One cell with the blanks around it. A head is coloured with its blanks, a text without. */
static void draw_cell(struct str text, size_t width, enum style style, bool color, bool as_head,
                      struct buf *out)
{
    size_t room = width > 2 ? width - 2 : 0;
    bool as_text = color && !as_head;
    style_open(out, as_head, STYLE_BOLD_CYAN);
    buf_add_byte(out, ' ');
    style_open(out, as_text, style);
    size_t start = out->len;
    text_cut(out, text, room);
    size_t used = text_width((struct str){out->data + start, out->len - start});
    style_close(out, as_text, style);
    text_repeat(out, room - (used < room ? used : room) + 1, " ");
    style_close(out, as_head, STYLE_BOLD_CYAN);
}

static void draw_row(const struct table *t, const size_t *widths, const struct table_cell *cells,
                     bool color, bool frames, struct buf *out)
{
    for (size_t i = 0; i < t->columns; i++) {
        style_add(out, frames, STYLE_GREY, STR(BAR));
        struct str text = str_from(cells ? cells[i].text : t->column[i].head);
        draw_cell(text, widths[i], cells ? cells[i].style : STYLE_NONE, color,
                  frames && (!cells || i == 0) && t->columns > 1, out);
    }
    style_add(out, frames, STYLE_GREY, STR(BAR));
    buf_add_byte(out, '\n');
}

void table_draw(const struct table *t, bool color, bool frames, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    size_t rows = t->columns ? t->count / t->columns : 0;
    measure(t, widths);
    draw_border(t, widths, &border_top, frames, out);
    if (t->column[0].head) {
        draw_row(t, widths, NULL, color, frames, out);
        if (rows > 0)
            draw_border(t, widths, &border_head, frames, out);
    }
    for (size_t r = 0; r < rows; r++)
        draw_row(t, widths, t->cells + r * t->columns, color, frames, out);
    draw_border(t, widths, &border_bottom, frames, out);
    if (t->oom)
        out->oom = true;
}
