/* SPDX-License-Identifier: MIT
 * The way out: everything that a user sees passes here. Messages carry PM2's prefixes. When silent,
 * only ui_data() prints. */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "cli/ui/style.h"

enum ui_stream { UI_OUT, UI_ERR, UI_STREAM_COUNT };

enum ui_prefix { UI_PLAIN, UI_PM2, UI_INFO, UI_WARN, UI_ERROR, UI_PREFIX_COUNT };

struct ui {
    bool silent;
    bool color[UI_STREAM_COUNT];  /* messages and cells */
    bool frames;                  /* colour of table frames and heads */
    int columns[UI_STREAM_COUNT]; /* width of the terminal; 0 = none */
};

struct ui_flags {
    bool silent, color, no_color;
};

/* Look at the two streams and the environment. */
void ui_init(struct ui *ui, const struct ui_flags *f);

/* One message with its prefix and a newline. A message of one line that is wider than the terminal
 * is cut, as PM2 does. */
void ui_message(const struct ui *ui, enum ui_stream to, enum ui_prefix prefix, const char *fmt, ...)
    ATTR_FORMAT(4, 5);
#define ui_info(ui, ...)  ui_message((ui), UI_OUT, UI_PM2, __VA_ARGS__)
#define ui_warn(ui, ...)  ui_message((ui), UI_ERR, UI_WARN, __VA_ARGS__)
#define ui_error(ui, ...) ui_message((ui), UI_ERR, UI_ERROR, __VA_ARGS__)

/* Text as it is, a newline behind it. */
void ui_line(const struct ui *ui, enum ui_stream to, struct str text);
/* Text as it is. */
void ui_text(const struct ui *ui, enum ui_stream to, struct str text);
/* Data that the user asked for: printed even when silent. */
void ui_data(struct str text);

/* Everything written is out. 0, or -errno when standard output took it not. */
int ui_flush(void);
