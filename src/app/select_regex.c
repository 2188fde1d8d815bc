/* SPDX-License-Identifier: MIT
 * Names that a JavaScript regular expression finds. PCRE2 is told to read patterns as JavaScript
 * does where the two differ; what is still another language there (\A, possessive quantifiers) is
 * an extra. Pure. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/select_priv.h"
#include "base/buf.h"
#include "base/limits.h"

#define OPTIONS                                                                                    \
    (PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |               \
     PCRE2_ALLOW_EMPTY_CLASS | PCRE2_NEVER_BACKSLASH_C)

struct regex {
    pcre2_compile_context *compile;
    pcre2_match_context *match;
    pcre2_code *code;
    pcre2_match_data *data;
};

static void regex_fini(struct regex *r)
{
    pcre2_match_data_free(r->data);
    pcre2_code_free(r->code);
    pcre2_match_context_free(r->match);
    pcre2_compile_context_free(r->compile);
}

static int regex_init(struct regex *r, const struct buf *pattern, struct err *e)
{
    int code;
    PCRE2_SIZE at;
    *r = (struct regex){
        .compile = pcre2_compile_context_create(NULL),
        .match = pcre2_match_context_create(NULL),
    };
    if (!r->compile || !r->match)
        return err_set(e, -ENOMEM, "out of memory");
    pcre2_set_compile_extra_options(r->compile, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_max_pattern_length(r->compile, LIMIT_REGEX_BYTES);
    pcre2_set_match_limit(r->match, LIMIT_REGEX_STEPS);
    pcre2_set_depth_limit(r->match, LIMIT_REGEX_STEPS);
    r->code =
        pcre2_compile((PCRE2_SPTR)pattern->data, pattern->len, OPTIONS, &code, &at, r->compile);
    if (!r->code) {
        PCRE2_UCHAR why[128] = "";
        (void)pcre2_get_error_message(code, why, sizeof(why));
        return err_set(e, -EINVAL, "Invalid regular expression: /%.200s/: %s (character %zu)",
                       pattern->data, (const char *)why, (size_t)at + 1);
    }
    r->data = pcre2_match_data_create_from_pattern(r->code, NULL);
    return r->data ? 0 : err_set(e, -ENOMEM, "out of memory");
}

/* 1 = found in `name`, 0 = not. */
static int regex_test(const struct regex *r, const char *name, struct err *e)
{
    int rc = pcre2_match(r->code, (PCRE2_SPTR)name, strlen(name), 0, 0, r->data, r->match);
    if (rc >= 0)
        return 1;
    /* A name that is not UTF-8 is nothing that a pattern can mean. */
    if (rc == PCRE2_ERROR_NOMATCH || (rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21))
        return 0;
    if (rc == PCRE2_ERROR_NOMEMORY)
        return err_set(e, -ENOMEM, "out of memory");
    return err_set(e, -EOVERFLOW, "The regular expression takes too long on the name %.100s", name);
}

int select_by_regex(const struct select_item *items, size_t count, const char *target, int *ret_ids,
                    struct err *e)
{
    struct regex r = {0};
    AUTO(buf) pattern = BUF_INIT;
    for (const char *p = target; *p; p++) {
        if (*p != '/')
            buf_add_byte(&pattern, *p);
    }
    int n = 0;
    int rc = buf_oom(&pattern) ? err_set(e, -ENOMEM, "out of memory") : regex_init(&r, &pattern, e);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        rc = items[i].name ? regex_test(&r, items[i].name, e) : 0;
        if (rc > 0)
            ret_ids[n++] = items[i].id;
    }
    regex_fini(&r);
    if (rc < 0)
        return rc;
    return n > 0 ? n : err_set(e, -ESRCH, "No process found");
}
