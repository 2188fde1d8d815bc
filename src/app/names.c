/* SPDX-License-Identifier: MIT
 * Names of apps and of their files; names.h has the rules. Pure. */
#include "app/names.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"

static int result(const struct buf *out)
{
    return buf_oom(out) ? -ENOMEM : 0;
}

/* ASCII and the C1 controls of UTF-8 (U+0080..U+009F); 0, or the number of bytes at `s`. */
static size_t control_length(const unsigned char *s)
{
    if (*s < 0x20 || *s == 0x7f)
        return 1;
    return s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f ? 2 : 0;
}

static bool is_continuation(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* ---- app names ---- */

/* The last part of a path; slashes at its end do not count. */
static struct str base_name(const char *path)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return (struct str){path + begin, end - begin};
}

static size_t stem_length(struct str name)
{
    for (size_t i = name.n; i > 1; i--) {
        if (name.p[i - 1] == '.')
            return i - 1;
    }
    return name.n;
}

int name_default(const char *script, struct buf *out)
{
    struct str name = base_name(script);
    name.n = stem_length(name);
    if (name.n > LIMIT_NAME_BYTES) {
        name.n = LIMIT_NAME_BYTES;
        while (name.n > 0 && is_continuation((unsigned char)name.p[name.n]))
            name.n--;
    }
    for (size_t i = 0; i < name.n;) {
        size_t control = control_length((const unsigned char *)name.p + i);
        buf_add_byte(out, control ? ' ' : name.p[i]);
        i += control ? control : 1;
    }
    return result(out);
}

int name_check(const char *name, struct err *e)
{
    size_t n = strlen(name);
    if (n == 0)
        return err_set(e, -EINVAL, "name: it is empty");
    if (n > LIMIT_NAME_BYTES)
        return err_set(e, -EINVAL, "name: it has %zu bytes; the limit is %d", n, LIMIT_NAME_BYTES);
    for (size_t i = 0; i < n; i++) {
        if (control_length((const unsigned char *)name + i))
            return err_set(e, -EINVAL, "name: a control character at byte %zu", i + 1);
    }
    return 0;
}

/* ---- files ---- */

/* How many "-" stand for the character that begins with this byte; 0 inside of a character. */
static int dashes(unsigned char c)
{
    if (is_continuation(c))
        return 0;
    return c >= 0xf0 ? 2 : 1; /* beyond U+FFFF: a surrogate pair in JavaScript */
}

int name_stem(const char *name, struct buf *out)
{
    size_t room = NAME_STEM_MAX;
    for (; *name && room > 0; name++) {
        unsigned char c = (unsigned char)*name;
        if (c < 0x80 && (isalnum(c) || strchr(".-\\", c))) {
            buf_add_byte(out, *name);
            room--;
            continue;
        }
        for (int i = dashes(c); i > 0 && room > 0; i--, room--)
            buf_add_byte(out, '-');
    }
    return result(out);
}

int path_number(const char *path, const char *ext, int id, struct buf *out)
{
    struct str stem = str_from(path);
    if (!str_ends(stem, str_from(ext))) {
        buf_add_c(out, path);
        return result(out);
    }
    stem.n -= strlen(ext);
    size_t digits = 0;
    while (digits < stem.n && isdigit((unsigned char)stem.p[stem.n - digits - 1]))
        digits++;
    if (digits > 0 && digits < stem.n && stem.p[stem.n - digits - 1] == '-')
        stem.n -= digits + 1;
    buf_add_str(out, stem);
    buf_printf(out, "-%d%s", id, ext);
    return result(out);
}
