/* SPDX-License-Identifier: MIT
 * A thin cover over PCRE2. Bytes that are no UTF-8 do not stop it: they match nothing but dots. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cli/log_grep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "cli/mem.h"

struct log_grep {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *match;
};

int log_grep_new(const char *pattern, bool ignore_case, struct log_grep **ret, struct err *e)
{
    int code;
    PCRE2_SIZE at;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                       (ignore_case ? PCRE2_CASELESS : 0);
    struct log_grep *g = mem_alloc(sizeof(*g));
    *g = (struct log_grep){0};
    if (strlen(pattern) <= LIMIT_REGEX_BYTES)
        g->code =
            pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options, &code, &at, NULL);
    else
        code = PCRE2_ERROR_BADDATA, at = LIMIT_REGEX_BYTES;
    if (!g->code) {
        PCRE2_UCHAR why[128] = "";
        (void)pcre2_get_error_message(code, why, sizeof(why));
        log_grep_free(g);
        return err_set(e, -EINVAL, "--grep: no regular expression: %.80s: %s (character %zu)",
                       pattern, (const char *)why, (size_t)at + 1);
    }
    /* Without the JIT it is slower, not wrong. */
    (void)pcre2_jit_compile(g->code, PCRE2_JIT_COMPLETE);
    g->data = pcre2_match_data_create_from_pattern(g->code, NULL);
    g->match = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(g->match, LIMIT_REGEX_STEPS);
    *ret = g;
    return 0;
}

void log_grep_free(struct log_grep *g)
{
    if (!g)
        return;
    pcre2_match_context_free(g->match);
    pcre2_match_data_free(g->data);
    pcre2_code_free(g->code);
    free(g);
}

bool log_grep_finds(const struct log_grep *g, struct str line)
{
    if (!g)
        return true;
    const char *text = line.n > 0 ? line.p : "";
    return pcre2_match(g->code, (PCRE2_SPTR)text, line.n, 0, 0, g->data, g->match) >= 0;
}
