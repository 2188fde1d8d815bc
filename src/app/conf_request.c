/* SPDX-License-Identifier: MIT
 * One app from what a user typed, with one text about all that is wrong. Pure. */
#include <errno.h>

#include "app/conf_priv.h"
#include "base/buf.h"

struct single {
    json_t *warnings;
    struct buf text;
    int code;
};

static void on_note(void *ctx, enum conf_note kind, const char *at, int code, const char *text)
{
    (void)at;
    struct single *s = ctx;
    /* A warning that is lost for want of memory is no reason to fail. */
    if (kind == CONF_WARNING)
        (void)json_array_append_new(s->warnings, json_string(text));
    if (kind != CONF_ERROR)
        return;
    buf_printf(&s->text, "%s%s", s->text.len ? ", " : "", text);
    if (s->code == 0 || code == -ENOMEM)
        s->code = code;
}

json_t *app_conf_from_request(const struct app_request *rq, const struct app_world *w,
                              json_t *warnings, struct err *e)
{
    struct single s = {.warnings = warnings, .text = BUF_INIT};
    json_t *conf = conf_build(rq, w, on_note, &s);
    if (!conf)
        err_set(e, s.code ? s.code : -ENOMEM, "%s", s.text.data);
    buf_fini(&s.text);
    return conf;
}
