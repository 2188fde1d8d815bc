/* SPDX-License-Identifier: MIT
 * The variables that an app declares: env, env_NAME, the deploy block of its file, port and io; and
 * for each variable where it comes from. Pure. */
#include <errno.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/secret.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"
#include "json/write.h"

/* One merge under way. */
struct merge {
    json_t *env, *from;
    const struct app_request *rq;
    struct err *e;
};

/* ---- where a variable comes from ---- */

/* The line of `path` in the file, or of what it is part of; 0 = unknown. */
static long line_of(const struct app_file *f, const char *block, const char *key)
{
    if (!f->lines)
        return 0;
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s%s%s.%s", f->at ? f->at : "", f->at && *f->at ? "." : "", block, key);
    json_t *line = json_object_get(f->lines, path.data);
    if (!line && !buf_oom(&path)) {
        buf_truncate(&path, path.len - strlen(key) - 1);
        line = json_object_get(f->lines, path.data);
    }
    return (long)json_integer_value(line);
}

/* The text of CONF_ENV_FROM for `key`, declared in the attribute `block`. */
static json_t *source_of(const struct app_request *rq, const char *block, const char *key)
{
    const struct app_file *f = rq->file;
    if (!f)
        return json_string("option");
    AUTO(buf) text = BUF_INIT;
    if (strncmp(block, "env_", 4) == 0 || strcmp(block, "deploy") == 0)
        buf_printf(&text, "%s ", block);
    buf_add_c(&text, f->path ? f->path : "standard input");
    long line = strcmp(block, "deploy") == 0 ? 0 : line_of(f, block, key);
    if (line > 0)
        buf_printf(&text, ":%ld", line);
    return buf_oom(&text) ? NULL : json_string(text.data);
}

static int set(const struct merge *m, const char *block, const char *key, json_t *take_value)
{
    if (json_object_set_new(m->env, key, take_value) < 0)
        return out_of_memory(m->e);
    if (m->from && json_object_set_new(m->from, key, source_of(m->rq, block, key)) < 0)
        return out_of_memory(m->e);
    return 0;
}

int env_set_own(json_t *env, json_t *from, const char *key, json_t *take_value, const char *source,
                struct err *e)
{
    if (json_object_set_new(env, key, take_value) < 0)
        return out_of_memory(e);
    return from && json_object_set_new(from, key, json_string(source)) < 0 ? out_of_memory(e) : 0;
}

/* ---- what is declared ---- */

/* Scalars as they are, everything else as JSON text ("null" among it), as PM2 does. */
static json_t *option_value(json_t *value)
{
    if (!json_is_null(value) && !json_is_object(value) && !json_is_array(value))
        return json_incref(value);
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    jw_dom(&w, value);
    return buf_oom(&text) ? NULL : json_stringn(text.data, text.len);
}

/* The same, but references to secrets are checked, and get the form of a text. */
static int declared_value(const struct merge *m, const char *block, const char *key, json_t *value,
                          json_t **ret)
{
    struct err why = {0};
    struct secret s = {.fd = -1};
    int rc = 0;
    *ret = secret_is_object(value) ? secret_from_object(value, &why) : option_value(value);
    if (!*ret)
        rc = why.code ? why.code : err_set(&why, -ENOMEM, "out of memory");
    else if (!secret_is_object(value) && json_is_string(*ret))
        rc = secret_parse(json_string_value(*ret), &s, &why);
    secret_fini(&s);
    if (rc == 0)
        return 0;
    json_decref(*ret);
    *ret = NULL;
    return err_set(m->e, rc, "%s: %s: %s", block, key, why.msg);
}

static int merge_block(const struct merge *m, const char *block, json_t *vars)
{
    if (vars && !json_is_object(vars))
        return err_set(m->e, -EINVAL,
                       "Expect \"%s\" to be a typeof [object Object], but now is [object %s]",
                       block, json_type_name(vars));
    const char *key;
    json_t *value;
    json_object_foreach (vars, key, value) {
        if (env_is_bad_name(key))
            return err_set(m->e, -EINVAL, "%s: \"%s\" is no name for a variable", block, key);
        if (env_is_channel_name(key))
            continue;
        json_t *text = NULL;
        int rc = declared_value(m, block, key, value, &text);
        if (rc == 0)
            rc = set(m, block, key, text);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* env_NAME over the deploy block, which is over env: PM2's order. */
static int merge_named(const struct merge *m, const json_t *options)
{
    const struct app_file *f = m->rq->file;
    int rc = f ? merge_block(m, "deploy", f->deploy_env) : 0;
    if (rc < 0 || !f || !f->env_name)
        return rc;
    AUTO(buf) block = BUF_INIT;
    buf_printf(&block, "env_%s", f->env_name);
    return buf_oom(&block) ? out_of_memory(m->e)
                           : merge_block(m, block.data, json_object_get(options, block.data));
}

int env_merge_options(json_t *env, json_t *from, const json_t *options,
                      const struct app_request *rq, struct err *e)
{
    const struct merge m = {.env = env, .from = from, .rq = rq, .e = e};
    int rc = merge_block(&m, "env", json_object_get(options, "env"));
    json_t *port = json_object_get(options, "port");
    if (rc == 0 && port)
        rc = set(&m, "port", "PORT", json_incref(port));
    json_t *io = json_object_get(options, "io");
    if (rc == 0 && io)
        rc = set(&m, "io", "io", option_value(io));
    return rc < 0 ? rc : merge_named(&m, options);
}

json_t *env_from_request(const struct app_request *rq, const json_t *options, json_t *from,
                         struct err *e)
{
    if (rq->env && !json_is_object(rq->env)) {
        err_set(e, -EINVAL,
                "Expect \"env\" of the caller to be a typeof [object Object], but now is [object "
                "%s]",
                json_type_name(rq->env));
        return NULL;
    }
    AUTO_JSON env = json_object();
    if (env_merge_caller(env, NULL, rq->env, json_object_get(options, "filter_env"), e) < 0 ||
        env_merge_options(env, from, options, rq, e) < 0 ||
        (rq->home && env_set_own(env, from, "PM2_HOME", json_string(rq->home), ENV_OF_PM2, e) < 0))
        return NULL;
    return json_incref(env);
}

int env_for_interpreter(json_t *env, json_t *from, const char *interpreter, struct err *e)
{
    /* Python buffers what it writes into a pipe: logs would come in blocks, or never. */
    if (!strstr(interpreter, "python") || json_has(env, "PYTHONUNBUFFERED"))
        return 0;
    return env_set_own(env, from, "PYTHONUNBUFFERED", json_string("1"), ENV_BY_DEFAULT, e);
}
