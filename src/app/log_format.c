/* SPDX-License-Identifier: MIT
 * Lines of log files. Pure. */
#include "app/log_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/log_date.h"
#include "base/limits.h"
#include "json/write.h"

struct log_format {
    char *date_format; /* NULL: of JSON only */
    bool is_json;
    struct buf tail; /* of the JSON object, behind the time */
};

/* At most `limit` bytes of it, in whole characters. */
static struct str cut(struct str text, size_t limit)
{
    if (text.n <= limit)
        return text;
    text.n = limit;
    text.n -= str_unfinished(text);
    return text;
}

struct log_format *log_format_new(const char *date_format, bool is_json, bool is_err, int64_t id,
                                  const char *name)
{
    bool has_date = date_format && *date_format;
    errno = 0;
    if (!has_date && !is_json)
        return NULL;
    struct log_format *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->is_json = is_json;
    f->date_format = has_date ? strdup(date_format) : NULL;
    buf_init(&f->tail);
    if (is_json) {
        buf_printf(&f->tail,
                   "\",\"type\":\"%s\",\"process_id\":%lld,\"app_name\":", is_err ? "err" : "out",
                   (long long)id);
        json_quote(&f->tail, cut(str_from(name), LIMIT_NAME_BYTES));
        buf_add_c(&f->tail, "}\n");
    }
    if (buf_oom(&f->tail) || (has_date && !f->date_format)) {
        log_format_free(f);
        errno = ENOMEM;
        return NULL;
    }
    return f;
}

void log_format_free(struct log_format *f)
{
    if (!f)
        return;
    free(f->date_format);
    buf_fini(&f->tail);
    free(f);
}

bool log_format_is_json(const struct log_format *f)
{
    return f && f->is_json;
}

void log_format_stamp(const struct log_format *f, const struct tm *local, const struct tm *utc,
                      int ms, struct buf *out)
{
    AUTO(buf) text = BUF_INIT;
    if (!f->date_format) {
        log_date_add(out, "YYYY-MM-DDTHH:mm:ss.SSS[Z]", utc, ms);
        return;
    }
    log_date_add(&text, f->date_format, local, ms);
    struct str stamp = cut(buf_str(&text), LIMIT_LOG_STAMP_BYTES);
    if (!f->is_json) {
        buf_add_str(out, stamp);
        buf_add_c(out, ": ");
        return;
    }
    AUTO(buf) quoted = BUF_INIT;
    json_quote(&quoted, stamp);
    if (quoted.len >= 2) /* the quotes are part of what surrounds it */
        buf_add(out, quoted.data + 1, quoted.len - 2);
}

static void add_json(const struct log_format *f, struct str stamp, struct str piece,
                     struct buf *out)
{
    buf_add_c(out, "{\"message\":");
    json_quote(out, piece);
    buf_add_c(out, ",\"timestamp\":\"");
    buf_add_str(out, stamp);
    buf_add_str(out, buf_str(&f->tail));
}

/* The next piece to be written: a line with its end, or a part of one; empty = none yet. */
static struct str next_piece(struct str raw, enum log_flush flush)
{
    const char *end = memchr(raw.p, '\n', raw.n);
    size_t n = end ? (size_t)(end - raw.p) + 1 : raw.n;
    if (n > LIMIT_LOG_LINE_BYTES || (!end && n == LIMIT_LOG_LINE_BYTES)) {
        n = LIMIT_LOG_LINE_BYTES;
        n -= str_unfinished((struct str){raw.p, n}); /* JSON: no character is cut in two */
    } else if (!end && flush == LOG_WHOLE_LINES) {
        n = 0;
    } else if (!end && flush == LOG_ALL) {
        n -= str_unfinished(raw);
    }
    return (struct str){raw.p, n};
}

size_t log_format_add(const struct log_format *f, struct str stamp, struct str raw,
                      enum log_flush flush, size_t room, bool *in_line, struct buf *out)
{
    const char *begin = raw.p;
    size_t limit = out->len + room;
    while (raw.n > 0 && out->len < limit) {
        struct str piece = next_piece(raw, flush);
        if (piece.n == 0)
            break;
        if (f->is_json) {
            add_json(f, stamp, piece, out);
        } else {
            if (!*in_line)
                buf_add_str(out, stamp);
            buf_add_str(out, piece);
            *in_line = piece.p[piece.n - 1] != '\n';
        }
        raw.p += piece.n;
        raw.n -= piece.n;
    }
    if (flush == LOG_END && raw.n == 0 && *in_line) {
        buf_add_byte(out, '\n');
        *in_line = false;
    }
    return (size_t)(raw.p - begin);
}
