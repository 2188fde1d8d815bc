/* SPDX-License-Identifier: MIT
 * The four looks. */
#include "cli/log_show.h"

#include <string.h>
#include <time.h>

#include "app/log_date.h"
#include "base/attr.h"
#include "cli/ui/text.h"
#include "os/clock.h"
#include "json/write.h"

#define LABEL_MIN       3
#define TAIL_LABEL      10 /* columns */
#define PM2_LABEL_UNITS 7  /* PM2 measures its own label as "PM2|PM2" */
#define ISO_FORMAT      "YYYY-MM-DDTHH:mm:ss.SSS[Z]"
#define PAIRS_FORMAT    "YYYY-MM-DD-HH:mm:ssZZ"

static const enum style kind_styles[LOG_KIND_COUNT] = {
    [LOG_PM2] = STYLE_BLUE, [LOG_OUT] = STYLE_GREEN, [LOG_ERR] = STYLE_RED};

struct log_show log_show_to(const struct ui *ui)
{
    return (struct log_show){.ui = ui, .label_width = LABEL_MIN};
}

/* ---- parts ---- */

static void add_time(struct buf *out, const char *format, bool is_utc, int64_t at_ms)
{
    if (at_ms == 0)
        at_ms = clock_wall_ms();
    time_t seconds = (time_t)(at_ms / 1000);
    struct tm tm;
    if (is_utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm))
        log_date_add(out, format, &tm, (int)(at_ms % 1000));
}

static void add_marked(const struct log_show *s, struct buf *out, struct str line)
{
    size_t n = s->highlight ? strlen(s->highlight) : 0;
    const char *found = n > 0 ? memmem(line.p, line.n, s->highlight, n) : NULL;
    if (!found) {
        buf_add_str(out, line);
        return;
    }
    buf_add(out, line.p, (size_t)(found - line.p));
    style_add(out, s->ui->color[UI_OUT], STYLE_ON_GREY, (struct str){found, n});
    buf_add(out, found + n, (size_t)(line.p + line.n - found) - n);
}

void log_show_label(struct buf *out, int64_t id, const char *name)
{
    if (id == LOG_PM2_ID) {
        buf_add_c(out, "PM2");
        return;
    }
    buf_printf(out, "%lld|", (long long)id);
    text_clean(out, str_from(name));
}

static void pad(struct buf *out, size_t width)
{
    size_t used = text_width(buf_str(out));
    text_repeat(out, used < width ? width - used : 0, " ");
}

/* The first `width` columns of `s`, without an ellipsis. */
static void add_first_columns(struct buf *out, struct str s, size_t width)
{
    while (s.n > 0) {
        size_t n;
        (void)text_next(s, &n);
        size_t w = text_width((struct str){s.p, n});
        if (w > width)
            return;
        width -= w;
        buf_add(out, s.p, n);
        s = (struct str){s.p + n, s.n - n};
    }
}

void log_show_tail_label(struct buf *out, int64_t id, const char *name)
{
    AUTO(buf) full = BUF_INIT;
    AUTO(buf) label = BUF_INIT;
    log_show_label(&full, id, name);
    add_first_columns(&label, buf_str(&full), TAIL_LABEL);
    pad(&label, TAIL_LABEL);
    buf_add_str(out, buf_str(&label));
    buf_add_c(out, " | ");
}

/* ---- looks ---- */

static void show_raw(const struct log_show *s, enum log_kind kind, struct str line)
{
    ui_line(s->ui, kind == LOG_ERR ? UI_ERR : UI_OUT, line);
}

static void add_timestamp(const struct log_show *s, struct buf *out, int64_t at_ms)
{
    AUTO(buf) when = BUF_INIT;
    if (!s->timestamp)
        return;
    add_time(&when, s->timestamp, false, at_ms);
    buf_add_byte(&when, ' ');
    style_add(out, s->ui->color[UI_OUT], s->timestamp_style, buf_str(&when));
}

static void show_plain(struct log_show *s, const struct log_origin *from, struct str line)
{
    AUTO(buf) out = BUF_INIT;
    AUTO(buf) label = BUF_INIT;
    bool color = s->ui->color[UI_OUT];
    log_show_label(&label, from->id, from->name);
    size_t width = from->id == LOG_PM2_ID ? PM2_LABEL_UNITS : text_width(buf_str(&label));
    if (width > s->label_width)
        s->label_width = width + 1; /* so PM2: a label that just fits stays as it is */
    pad(&label, s->label_width);
    buf_add_c(&label, " | ");
    add_timestamp(s, &out, from->at_ms);
    style_add(&out, color, kind_styles[from->kind], buf_str(&label));
    add_marked(s, &out, line);
    ui_line(s->ui, UI_OUT, buf_str(&out));
}

static void json_begin(struct jw *w, const char *message_key, struct str message, int64_t at_ms)
{
    AUTO(buf) when = BUF_INIT;
    add_time(&when, ISO_FORMAT, true, at_ms);
    jw_obj_begin(w);
    if (message_key) {
        jw_key(w, message_key);
        jw_slice(w, message);
    }
    jw_key(w, "timestamp");
    jw_slice(w, buf_str(&when));
}

static void show_json(const struct log_show *s, const struct log_origin *from, struct str line)
{
    AUTO(buf) out = BUF_INIT;
    struct jw w = jw_to(&out);
    if (from->kind == LOG_PM2)
        return;
    json_begin(&w, "message", line, from->at_ms);
    jw_kstr(&w, "type", from->kind == LOG_ERR ? "err" : "out");
    jw_kint(&w, "process_id", from->id);
    jw_kstr(&w, "app_name", from->name);
    jw_obj_end(&w);
    ui_line(s->ui, UI_OUT, buf_str(&out));
}

void log_show_event(const struct log_show *s, const char *status, const char *name, int64_t at_ms)
{
    AUTO(buf) out = BUF_INIT;
    struct jw w = jw_to(&out);
    json_begin(&w, NULL, STR(""), at_ms);
    jw_kstr(&w, "type", "process_event");
    jw_kstr(&w, "status", status);
    jw_kstr(&w, "app_name", name);
    jw_obj_end(&w);
    ui_line(s->ui, UI_OUT, buf_str(&out));
}

static void show_pairs(const struct log_show *s, const struct log_origin *from, struct str line)
{
    AUTO(buf) out = BUF_INIT;
    buf_add_c(&out, "timestamp=");
    add_time(&out, PAIRS_FORMAT, false, from->at_ms);
    buf_add_c(&out, " app=");
    if (from->kind == LOG_PM2) {
        buf_add_c(&out, "pm2");
    } else {
        text_clean(&out, str_from(from->name));
        buf_printf(&out, " id=%lld type=%s", (long long)from->id,
                   from->kind == LOG_ERR ? "error" : "out");
    }
    buf_add_c(&out, " message=");
    add_marked(s, &out, line);
    ui_line(s->ui, UI_OUT, buf_str(&out));
}

void log_show_line(struct log_show *s, const struct log_origin *from, struct str line)
{
    if (s->look == LOG_LOOK_PLAIN)
        show_plain(s, from, line);
    else if (s->look == LOG_LOOK_RAW)
        show_raw(s, from->kind, line);
    else if (s->look == LOG_LOOK_JSON)
        show_json(s, from, line);
    else
        show_pairs(s, from, line);
}

void log_show_tail(const struct log_show *s, enum log_kind kind, struct str label, int64_t at_ms,
                   struct str line)
{
    AUTO(buf) out = BUF_INIT;
    if (s->look == LOG_LOOK_RAW) {
        show_raw(s, kind, line);
        return;
    }
    if (at_ms > 0)
        add_timestamp(s, &out, at_ms);
    style_add(&out, s->ui->color[UI_OUT], kind_styles[kind], label);
    buf_add_str(&out, line);
    ui_line(s->ui, UI_OUT, buf_str(&out));
}
