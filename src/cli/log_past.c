/* SPDX-License-Identifier: MIT
 * Heads, and what stands below them. */
#include "cli/log_past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/log_range.h"
#include "cli/mem.h"
#include "cli/tail.h"
#include "os/fd.h"

struct job {
    const struct log_past *past;
    const struct log_file *file;
    struct str label;
    size_t shown;
    /* With --lines and times: the last lines, as a ring. */
    struct kept {
        int64_t at_ms;
        struct buf text;
    } * ring;
    size_t seen;
};

/* ---- lines ---- */

static void show(struct job *j, int64_t at_ms, struct str line)
{
    const struct log_past *p = j->past;
    const struct log_origin from = {j->file->id, j->file->name, j->file->kind, at_ms};
    j->shown++;
    if (p->show->look == LOG_LOOK_JSON || p->show->look == LOG_LOOK_FORMAT)
        log_show_line(p->show, &from, line);
    else
        log_show_tail(p->show, from.kind, j->label, at_ms, line);
}

static void on_tail_line(void *ctx, struct str line)
{
    show(ctx, 0, line);
}

static bool tail_wants(void *ctx, struct str line)
{
    const struct job *j = ctx;
    return log_grep_finds(j->past->grep, line);
}

static void on_range_line(void *ctx, int64_t at_ms, struct str line)
{
    struct job *j = ctx;
    if (!log_grep_finds(j->past->grep, line))
        return;
    if (!j->ring) {
        show(j, at_ms, line);
        return;
    }
    struct kept *k = &j->ring[j->seen++ % j->past->count];
    k->at_ms = at_ms;
    buf_clear(&k->text);
    buf_add_str(&k->text, line);
}

static void on_unknown(void *ctx, const char *path)
{
    const struct job *j = ctx;
    ui_warn(&j->past->cli->ui,
            "%s: nothing tells when its lines were written (no time index, no dates); it was "
            "written since then, so all of them are shown",
            path);
}

static void on_failed(void *ctx, const char *path, int code)
{
    const struct job *j = ctx;
    ui_warn(&j->past->cli->ui, "cannot read %s: %s", path, err_text(code));
}

/* ---- one file ---- */

static void show_tail(struct job *j, struct growth *g)
{
    const struct tail tail = {.count = j->past->count,
                              .line = on_tail_line,
                              .wants = j->past->grep ? tail_wants : NULL,
                              .ctx = j,
                              .partial = g ? &g->open : NULL};
    int own_fd = g ? -1 : open(j->file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int fd = g ? g->fd : own_fd;
    int rc = fd < 0 ? -errno : tail_lines(fd, g ? g->at : j->file->size, &tail);
    fd_close(&own_fd);
    if (rc < 0)
        on_failed(j, j->file->path, rc);
}

static void ring_show(struct job *j)
{
    size_t n = j->seen < j->past->count ? j->seen : j->past->count;
    for (size_t i = j->seen - n; i < j->seen; i++) {
        const struct kept *k = &j->ring[i % j->past->count];
        show(j, k->at_ms, buf_str(&k->text));
    }
}

static void ring_free(struct job *j)
{
    size_t n = j->seen < j->past->count ? j->seen : j->past->count;
    for (size_t i = 0; i < n && j->ring; i++)
        buf_fini(&j->ring[i].text);
    free(j->ring);
}

static void show_range(struct job *j, struct growth *g)
{
    const struct log_past *p = j->past;
    const struct log_range range = {.since_ms = p->since_ms,
                                    .until_ms = p->until_ms,
                                    .line = on_range_line,
                                    .unknown = on_unknown,
                                    .failed = on_failed,
                                    .ctx = j};
    struct growth own;
    growth_init(&own, j->file->path);
    if (!g)
        (void)growth_open(&own);
    if (p->has_count && p->count > 0) {
        j->ring = mem_alloc(p->count * sizeof(j->ring[0]));
        for (size_t i = 0; i < p->count; i++)
            j->ring[i] = (struct kept){.text = BUF_INIT};
    }
    log_range_show(&range, g ? g : &own, g ? &g->open : NULL);
    if (j->ring)
        ring_show(j);
    ring_free(j);
    growth_fini(&own);
}

/* ---- heads ---- */

static bool has_times(const struct log_past *p)
{
    return p->since || p->until;
}

static bool has_heads(const struct log_past *p)
{
    return p->show->look == LOG_LOOK_PLAIN || p->show->look == LOG_LOOK_RAW;
}

static void add_times(const struct log_past *p, struct buf *out)
{
    if (p->since)
        buf_printf(out, " since %s", p->since);
    if (p->until)
        buf_printf(out, " until %s", p->until);
}

static void styled_line(const struct log_past *p, enum style style, struct str text)
{
    AUTO(buf) line = BUF_INIT;
    style_add(&line, p->cli->ui.color[UI_OUT], style, text);
    ui_line(&p->cli->ui, UI_OUT, buf_str(&line));
}

static void show_title(const struct log_past *p)
{
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) names = BUF_INIT;
    const char *ending = log_targets_has(p->targets, "all") ? "es" : "";
    for (size_t i = 0; i < p->targets->count; i++)
        buf_printf(&names, "%s%s", i > 0 ? " " : "", p->targets->at[i]);
    buf_add_c(&text, "[TAILING] Tailing ");
    if (!has_times(p) || p->has_count)
        buf_printf(&text, "last %zu ", p->count);
    buf_printf(&text, "lines for [%s] process%s", names.data, ending);
    if (has_times(p))
        add_times(p, &text);
    else
        buf_add_c(&text, " (change the value with --lines option)");
    styled_line(p, STYLE_BOLD_GREY, buf_str(&text));
}

static void show_head(const struct log_past *p, const char *path)
{
    AUTO(buf) text = BUF_INIT;
    buf_add_c(&text, path);
    if (!has_times(p) || p->has_count)
        buf_printf(&text, " last %zu lines", p->count);
    add_times(p, &text);
    buf_add_byte(&text, ':');
    styled_line(p, STYLE_GREY, buf_str(&text));
}

/* ---- all ---- */

static void show_file(const struct log_past *p, const struct log_file *f, struct growth *g)
{
    AUTO(buf) label = BUF_INIT;
    log_show_tail_label(&label, f->id, f->name);
    struct job j = {.past = p, .file = f, .label = buf_str(&label)};
    bool is_seen = has_heads(p) && p->count > 0;
    if (is_seen)
        show_head(p, f->path);
    if (has_times(p) && p->count > 0)
        show_range(&j, g);
    else
        show_tail(&j, g);
    if (is_seen && j.shown > 0)
        ui_line(&p->cli->ui, UI_OUT, STR(""));
}

void log_past_show(const struct log_past *p, const struct log_files *files,
                   const struct log_sources *sources)
{
    struct log_past q = *p;
    if (!has_heads(p) && !has_times(p))
        q.count = 0; /* PM2: nothing of the files; the open lines are taken over all the same */
    if (q.count > 0 && has_heads(p))
        show_title(p);
    for (size_t i = 0; i < files->count && (q.count > 0 || sources); i++) {
        const struct log_file *f = &files->at[i];
        struct log_source *src = sources ? log_sources_find(sources, f->path) : NULL;
        if (src && src->growth.fd >= 0)
            show_file(&q, f, &src->growth);
        else if (!sources)
            show_file(&q, f, NULL);
    }
    ui_flush();
}
