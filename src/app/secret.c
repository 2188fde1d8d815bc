/* SPDX-License-Identifier: MIT
 * References to secrets; secret.h has their forms. Pure. */
#include "app/secret.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "app/split.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"
#include "json/write.h"

#define PREFIX "secret:"
#define USUAL_NAMES                                                                                \
    "secret|passw|passphrase|token|credential|api_?key|private_?key|access_?key|_key$|_auth$"

static const struct form {
    const char *name; /* with its colon */
    enum secret_kind kind;
} forms[] = {
    {"file:", SECRET_FILE},
    {"command:", SECRET_COMMAND},
    {"fd:", SECRET_FD},
    {"value:", SECRET_VALUE},
};

/* The form of a reference, and what comes behind its name; NULL when it is none. */
static const struct form *form_of(const char *text, const char **ret_rest)
{
    if (strncmp(text, PREFIX, strlen(PREFIX)) != 0)
        return NULL;
    const char *at = text + strlen(PREFIX);
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        size_t n = strlen(forms[i].name);
        if (strncmp(at, forms[i].name, n) != 0)
            continue;
        *ret_rest = at + n;
        return &forms[i];
    }
    return NULL;
}

static bool is_command(const json_t *argv)
{
    for (size_t i = 0; i < json_array_size(argv); i++)
        if (!json_is_string(json_array_get(argv, i)))
            return false;
    const char *program = json_string_value(json_array_get(argv, 0));
    return program && *program;
}

static int parse_command(const char *rest, struct secret *ret, struct err *e)
{
    ret->argv = *rest == '[' ? json_read(str_from(rest), e) : split_args(rest);
    if (is_command(ret->argv))
        return 0;
    return err_set(e, -EINVAL,
                   "secret:command: expected a program and its arguments, as words or as a JSON "
                   "array of texts");
}

static int parse_fd(const char *rest, struct secret *ret, struct err *e)
{
    long long number;
    if (!str_to_int(str_from(rest), &number) || number < 0 || number > INT_MAX)
        return err_set(e, -EINVAL, "secret:fd: expected the number of a descriptor");
    ret->fd = (int)number;
    return 0;
}

int secret_parse(const char *text, struct secret *ret, struct err *e)
{
    const char *rest = NULL;
    *ret = (struct secret){.fd = -1};
    const struct form *form = form_of(text, &rest);
    if (!form)
        return 0;
    ret->kind = form->kind;
    ret->text = rest;
    switch (form->kind) {
    case SECRET_FILE:
        return *rest == '/' ? 0 : err_set(e, -EINVAL, "secret:file: expected an absolute path");
    case SECRET_COMMAND: return parse_command(rest, ret, e);
    case SECRET_FD: return parse_fd(rest, ret, e);
    default: return 0;
    }
}

void secret_fini(struct secret *s)
{
    json_decref(s->argv);
    *s = (struct secret){.fd = -1};
}

bool secret_is_reference(const char *text)
{
    const char *rest;
    return text && form_of(text, &rest);
}

/* ---- as objects ---- */

bool secret_is_object(const json_t *value)
{
    return json_object_size(value) == 1 && json_has(value, "secret");
}

static int write_form(const struct form *form, const json_t *value, struct buf *out)
{
    buf_printf(out, PREFIX "%s", form->name);
    if (form->kind == SECRET_COMMAND && json_is_array(value)) {
        struct jw w = jw_to(out);
        jw_dom(&w, value);
    } else if (form->kind == SECRET_FD && json_is_integer(value)) {
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        buf_add_c(out, json_string_value(value));
    } else {
        return -EINVAL;
    }
    return 0;
}

json_t *secret_from_object(const json_t *value, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    struct secret parsed = {.fd = -1};
    json_t *inner = json_object_get(value, "secret");
    int rc = -EINVAL;
    for (size_t i = 0; i < ARRAY_LEN(forms) && rc < 0; i++) {
        json_t *what = json_object_getn(inner, forms[i].name, strcspn(forms[i].name, ":"));
        if (what && json_object_size(inner) == 1)
            rc = write_form(&forms[i], what, &text);
    }
    if (rc < 0) {
        err_set(e, rc,
                "secret: expected one of {file: path}, {command: [program, ...]}, {fd: number}, "
                "{value: text}");
        return NULL;
    }
    rc =
        buf_oom(&text) ? err_set(e, -ENOMEM, "out of memory") : secret_parse(text.data, &parsed, e);
    secret_fini(&parsed);
    return rc < 0 ? NULL : json_stringn(text.data, text.len);
}

/* ---- names ---- */

int secret_names(const json_t *value, regex_t *ret, struct err *e)
{
    const char *pattern = json_string_value(value);
    if (json_is_true(value) || (pattern && strcmp(pattern, "true") == 0))
        pattern = USUAL_NAMES;
    if (!pattern || !*pattern || strcmp(pattern, "false") == 0)
        return 0;
    int rc = regcomp(ret, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (rc == 0)
        return 1;
    char why[128];
    (void)regerror(rc, ret, why, sizeof(why));
    return err_set(e, -EINVAL, "no regular expression: %s: %s", pattern, why);
}
