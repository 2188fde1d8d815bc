/* SPDX-License-Identifier: MIT
 * Process files: which reader a file goes to, and what of its contents is the list of apps. */
#include "procfile/procfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "procfile/js.h"
#include "procfile/source.h"
#include "procfile/yaml.h"
#include "json/json5.h"
#include "json/read.h"

enum procfile_kind procfile_kind(const char *target)
{
    static const struct {
        const char *part;
        enum procfile_kind kind;
    } rows[] = {
        {".json", PROCFILE_JSON},    {".yml", PROCFILE_YAML},      {".yaml", PROCFILE_YAML},
        {".config.js", PROCFILE_JS}, {".config.cjs", PROCFILE_JS}, {".config.mjs", PROCFILE_JS},
    };
    if (strcmp(target, "-") == 0)
        return PROCFILE_STDIN;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strstr(target, rows[i].part))
            return rows[i].kind;
    return PROCFILE_NONE;
}

static int64_t js_timeout_ms(void)
{
    const char *text = getenv("PM2_CONFIG_TIMEOUT");
    long long seconds;
    if (!text || !str_to_int(str_from(text), &seconds) || seconds <= 0)
        return PROCFILE_JS_TIMEOUT_MS;
    return seconds < LIMIT_CONFIG_TIMEOUT_MS / 1000 ? seconds * 1000 : LIMIT_CONFIG_TIMEOUT_MS;
}

/* Put the file's name before a reader's error. */
static int about(const struct source *s, struct err *e)
{
    switch (e->code) {
    case -ENOMEM: break;
    case -EINVAL:
    case -EILSEQ:
    case -E2BIG:
    case -EPROTO:
        err_prefix(e, "%s malformated", s->subject);
        e->code = -EPROTO;
        break;
    default: err_prefix(e, "%s", s->subject);
    }
    return e->code;
}

static int eval(const struct source *s, const char *cwd, const struct str *expression, json_t **ret,
                struct err *e)
{
    struct js_request rq = {
        .file = s->path ? s->path : "stdin",
        .cwd = cwd,
        .expression = expression,
        .timeout_ms = js_timeout_ms(),
    };
    return js_eval(&rq, ret, e);
}

/* JSON5, else a JavaScript expression. */
static int read_json(const struct source *s, const char *cwd, json_t *lines, json_t **ret,
                     struct err *e)
{
    struct str text = buf_str(&s->text);
    *ret = json5_read(text, lines, e);
    if (*ret || e->code != -EINVAL)
        return *ret ? 0 : e->code;
    json_object_clear(lines);
    struct err js = {0};
    int rc = eval(s, cwd, &text, ret, &js);
    if (rc == 0) {
        e->code = 0;
        return 0;
    }
    if (rc == -EPROTO) { /* JavaScript that throws, or JSON with a slip: the user knows */
        struct err json5 = *e;
        err_set(e, -EPROTO, "%.240s; as JavaScript: %.240s", json5.msg, js.msg);
    } else if (rc != -EINVAL && rc != -ENOEXEC) {
        *e = js;
    }
    return e->code;
}

static int read_root(const struct source *s, enum procfile_kind kind, const char *cwd, bool lazily,
                     json_t *lines, json_t **ret, struct err *e)
{
    int rc = -EPROTO;
    if (source_is_blank(s))
        err_set(e, rc, "the file is empty");
    else if (kind == PROCFILE_JS)
        rc = eval(s, cwd, NULL, ret, e);
    else if (kind == PROCFILE_YAML)
        rc = (*ret = yaml_read(buf_str(&s->text), lines, e)) ? 0 : e->code;
    else
        rc = read_json(s, cwd, lazily ? NULL : lines, ret, e);
    if (rc == 0 && !json_is_object(*ret) && !json_is_array(*ret)) {
        const char *found = json_type_name(*ret);
        rc = err_set(e, -EPROTO, "expected an object or an array of apps, but it is %s", found);
    }
    return rc < 0 ? about(s, e) : 0;
}

/* `path` of the file as it is below "apps[N]"; false when it is not in the list. */
static bool canonical_path(const char *path, const char *at, bool is_list, struct buf *ret)
{
    size_t n = strlen(at);
    const char *rest = path + n;
    buf_clear(ret);
    if (strncmp(path, at, n) != 0 || (n > 0 && *rest != '\0' && *rest != '.' && *rest != '['))
        return false;
    buf_add_c(ret, is_list ? "apps" : "apps[0]");
    if (!is_list && n == 0 && *rest != '[')
        buf_add_byte(ret, '.');
    buf_add_c(ret, rest);
    return true;
}

/* The lines by paths that begin with "apps[N]". NULL on OOM. */
static json_t *canonical_lines(json_t *lines, const char *at, bool is_list)
{
    if (is_list && strcmp(at, "apps") == 0)
        return json_incref(lines);
    AUTO(buf) path = BUF_INIT;
    json_t *ret = json_object();
    const char *old;
    json_t *line;
    json_object_foreach (lines, old, line) {
        if (!canonical_path(old, at, is_list, &path))
            continue;
        if (buf_oom(&path) || json_object_setn_nocheck(ret, path.data, path.len, line) < 0) {
            json_decref(ret);
            return NULL;
        }
    }
    return ret;
}

/* PM2's wrapper keys: the first that holds something. */
static const char *wrapper_of(const json_t *root)
{
    static const char *const keys[] = {"apps", "pm2"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_truthy(json_object_get(root, keys[i])))
            return keys[i];
    return "";
}

static json_t *list_at(json_t *root, const char *at)
{
    return *at ? json_object_get(root, at) : root;
}

static int unwrap(json_t *root, json_t *lines, struct procfile *f)
{
    const char *at = wrapper_of(root);
    json_t *apps = list_at(root, at);
    bool is_list = json_is_array(apps);
    f->apps = is_list ? json_incref(apps) : json_pack("[O]", apps);
    f->apps_at = strdup(at);
    f->deploy = json_incref(json_object_get(root, "deploy"));
    f->statics = json_incref(json_object_get(root, "static"));
    if (json_object_size(lines) > 0 && !(f->lines = canonical_lines(lines, at, is_list)))
        return -ENOMEM;
    return f->apps && f->apps_at ? 0 : -ENOMEM;
}

static int read_file(const char *target, const char *cwd, bool lazily, struct procfile *ret,
                     struct err *e)
{
    struct err own = {0};
    struct source s;
    json_t *root = NULL;
    json_t *lines = json_object();
    enum procfile_kind kind = procfile_kind(target);
    e = e ? e : &own;
    *ret = (struct procfile){.later = BUF_INIT};
    int rc = source_read(target, cwd, &s, e);
    if (rc == 0)
        rc = read_root(&s, kind, cwd, lazily, lines, &root, e);
    if (rc == 0) {
        rc = unwrap(root, lines, ret);
        ret->path = s.path;
        s.path = NULL;
        if (lazily && (kind == PROCFILE_JSON || kind == PROCFILE_STDIN)) {
            ret->later = s.text;
            buf_init(&s.text);
        }
        if (rc < 0)
            err_set(e, rc, "out of memory");
    }
    json_decref(lines);
    json_decref(root);
    source_fini(&s);
    if (rc < 0)
        procfile_fini(ret);
    return rc;
}

int procfile_read(const char *target, const char *cwd, struct procfile *ret, struct err *e)
{
    return read_file(target, cwd, false, ret, e);
}

int procfile_read_lazily(const char *target, const char *cwd, struct procfile *ret, struct err *e)
{
    return read_file(target, cwd, true, ret, e);
}

int procfile_find_lines(struct procfile *f)
{
    struct err e = {0};
    if (f->later.len == 0)
        return 0;
    AUTO_JSON lines = json_object();
    AUTO_JSON root = json5_read(buf_str(&f->later), lines, &e);
    buf_fini(&f->later);
    if (!root) /* the text is JavaScript: it has no lines */
        return e.code == -ENOMEM ? -ENOMEM : 0;
    f->lines = canonical_lines(lines, f->apps_at, json_is_array(list_at(root, f->apps_at)));
    return f->lines ? 0 : -ENOMEM;
}

void procfile_fini(struct procfile *f)
{
    buf_fini(&f->later);
    free(f->path);
    free(f->apps_at);
    json_decref(f->apps);
    json_decref(f->lines);
    json_decref(f->deploy);
    json_decref(f->statics);
    *f = (struct procfile){0};
}

/* Cut the last member or index off: "a.b[2]" is "a.b", "a", "". */
static void cut_last(struct buf *path)
{
    size_t n = path->len;
    while (n > 0 && path->data[n - 1] != '.' && path->data[n - 1] != '[')
        n--;
    buf_truncate(path, n > 0 ? n - 1 : 0);
}

long procfile_line(const struct procfile *f, const char *path)
{
    AUTO(buf) at = BUF_INIT;
    buf_add_c(&at, path);
    while (at.len > 0) {
        const json_t *line = json_object_getn(f->lines, at.data, at.len);
        if (line)
            return (long)json_integer_value(line);
        cut_last(&at);
    }
    return 0;
}
