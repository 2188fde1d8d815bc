/* SPDX-License-Identifier: MIT
 * Standard output and standard error of the CLI. The only file that writes to them. */
#include "cli/ui/ui.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/ui/text.h"

#define RESET "\033[0m"

static const struct {
    const char *text;
    enum style style;
} prefixes[UI_PREFIX_COUNT] = {
    [UI_PLAIN] = {"", STYLE_NONE},
    [UI_PM2] = {"[PM2] ", STYLE_GREEN},
    [UI_INFO] = {"[PM2][INFO] ", STYLE_CYAN},
    [UI_WARN] = {"[PM2][WARN] ", STYLE_YELLOW},
    [UI_ERROR] = {"[PM2][ERROR] ", STYLE_RED},
};

static FILE *file_of(enum ui_stream to)
{
    return to == UI_OUT ? stdout : stderr;
}

static int columns_of(int fd)
{
    struct winsize size;
    if (!isatty(fd))
        return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void ui_init(struct ui *ui, const struct ui_flags *f)
{
    struct style_facts facts = {
        .no_color = getenv("NO_COLOR"),
        .force_color = getenv("FORCE_COLOR"),
        .term = getenv("TERM"),
        .ci = getenv("CI"),
        .flag_color = f->color,
        .flag_no_color = f->no_color,
    };
    *ui = (struct ui){.silent = f->silent};
    for (int i = 0; i < UI_STREAM_COUNT; i++) {
        ui->columns[i] = columns_of(i == UI_OUT ? STDOUT_FILENO : STDERR_FILENO);
        facts.is_terminal = ui->columns[i] > 0;
        ui->color[i] = style_for_messages(&facts);
        if (i == UI_OUT)
            ui->frames = style_for_frames(&facts);
    }
}

/* What went to the other stream before must be seen before. */
static void write_to(enum ui_stream to, struct str text)
{
    if (to == UI_ERR)
        fflush(stdout);
    fwrite(text.p, 1, text.n, file_of(to));
}

void ui_text(const struct ui *ui, enum ui_stream to, struct str text)
{
    if (!ui->silent)
        write_to(to, text);
}

void ui_line(const struct ui *ui, enum ui_stream to, struct str text)
{
    if (ui->silent)
        return;
    write_to(to, text);
    write_to(to, STR("\n"));
}

void ui_data(struct str text)
{
    write_to(UI_OUT, text);
}

void ui_message(const struct ui *ui, enum ui_stream to, enum ui_prefix prefix, const char *fmt, ...)
{
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) shown = BUF_INIT;
    va_list ap;
    char *body = NULL;
    if (ui->silent)
        return;
    va_start(ap, fmt);
    int n = vasprintf(&body, fmt, ap);
    va_end(ap);
    style_add(&text, ui->color[to], prefixes[prefix].style, str_from(prefixes[prefix].text));
    buf_add_c(&text, n < 0 ? fmt : body);
    if (n >= 0)
        free(body);
    struct str line = buf_str(&text);
    if (ui->columns[to] > 1 && !memchr(text.data, '\n', text.len)) {
        if (text_cut(&shown, line, (size_t)ui->columns[to]) && ui->color[to])
            buf_add_c(&shown, RESET);
        line = buf_str(&shown);
    }
    ui_line(ui, to, line);
}

int ui_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    return errno ? -errno : -EIO;
}
