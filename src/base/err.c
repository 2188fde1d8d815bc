/* SPDX-License-Identifier: MIT
 * Errors with text. Runs in every process; does no I/O. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void mark_cut(char *msg, size_t size)
{
    size_t end = size - 4;
    while (end > 0 && ((unsigned char)msg[end] & 0xC0) == 0x80)
        end--;
    memcpy(msg + end, "...", 4);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    if (!e)
        return code;
    e->code = code;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    if (n >= (int)sizeof(e->msg))
        mark_cut(e->msg, sizeof(e->msg));
    return code;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return 0;
    char old[ERR_MSG_MAX];
    memcpy(old, e->msg, sizeof(old));
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    if (n < 0 || n >= (int)sizeof(e->msg)) {
        mark_cut(e->msg, sizeof(e->msg));
        return e->code;
    }
    int m = snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s", old);
    if (m >= (int)sizeof(e->msg) - n)
        mark_cut(e->msg, sizeof(e->msg));
    return e->code;
}

const char *err_name(int code)
{
    const char *name = strerrorname_np(code < 0 ? -code : code);
    return name ? name : "E?";
}

const char *err_text(int code)
{
    return strerror(code < 0 ? -code : code);
}
