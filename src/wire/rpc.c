/* SPDX-License-Identifier: MIT
 * The axon envelopes. Runs in pm2d (requests in, replies and events out) and in every client (the
 * other way round); no I/O. Requests become a DOM, because the daemon looks into them; replies stay
 * text, because a list of a thousand processes is mostly passed on. */
#include "wire/rpc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/skip.h"
#include "json/read.h"
#include "json/write.h"

#define ENVELOPE_ARGC 2 /* what everybody writes: body and id, or topic and payload */

#define NUMBERS_WISH STR("numbers")

/* Fill type, method and args from the body. */
static int request_fields(struct rpc_request *r, struct err *e)
{
    const char *type = json_get_str(r->body, "type");
    if (type && strcmp(type, "methods") == 0) {
        r->type = RPC_METHODS;
        return 0;
    }
    /* PM2 takes any other type for a call, a missing one as well */
    r->type = RPC_CALL;
    r->method = json_get_str(r->body, "method");
    if (!r->method || !*r->method)
        return err_set(e, -EINVAL, ".method required");
    r->args = json_object_get(r->body, "args");
    if (!json_truthy(r->args))
        return err_set(e, -EINVAL, ".args required");
    if (!json_is_array(r->args))
        return err_set(e, -EINVAL, ".args must be an array");
    return 0;
}

int rpc_request_parse(const struct amp_msg *m, struct rpc_request *ret, struct err *e)
{
    *ret = (struct rpc_request){0};
    if (m->argc < ENVELOPE_ARGC)
        return err_set(e, -EPROTO, "request without an id");
    ret->id = m->argv[m->argc - 1];
    struct str text;
    if (amp_arg(m->argv[0], &text) != AMP_JSON)
        return err_set(e, -EINVAL, ".method required");
    struct err why = {0};
    ret->body = json_read(text, &why);
    if (!ret->body)
        return err_set(e, why.code == -ENOMEM ? -ENOMEM : -EINVAL, "%s", why.msg);
    int rc = request_fields(ret, e);
    if (rc < 0) {
        struct str id = ret->id;
        rpc_request_fini(ret);
        ret->id = id;
    }
    return rc;
}

void rpc_request_fini(struct rpc_request *r)
{
    json_decref(r->body);
    *r = (struct rpc_request){0};
}

void rpc_request_write(struct buf *out, const char *method, struct str args_json, struct str id)
{
    amp_begin(out, ENVELOPE_ARGC);
    size_t mark = amp_arg_open(out, AMP_JSON);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "type", "call");
    jw_kstr(&w, "method", method);
    jw_key(&w, "args");
    jw_raw(&w, args_json);
    jw_obj_end(&w);
    amp_arg_close(out, mark);
    amp_add_string(out, id);
}

size_t rpc_reply_open(struct buf *out)
{
    amp_begin(out, ENVELOPE_ARGC);
    return amp_arg_open(out, AMP_JSON);
}

void rpc_reply_close(struct buf *out, size_t mark, struct str id)
{
    amp_arg_close(out, mark);
    amp_add_raw(out, id);
}

void rpc_reply_error(struct buf *out, struct str id, const char *text)
{
    size_t mark = rpc_reply_open(out);
    AUTO(buf) stack = BUF_INIT;
    buf_printf(&stack, "Error: %s", text);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "error", text);
    jw_key(&w, "stack");
    jw_slice(&w, buf_str(&stack));
    jw_obj_end(&w);
    out->oom |= buf_oom(&stack); /* without its text the reply must not look whole */
    rpc_reply_close(out, mark, id);
}

void rpc_reply_refusal(struct buf *out, struct str id, const char *text)
{
    size_t mark = rpc_reply_open(out);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "error", text);
    jw_obj_end(&w);
    rpc_reply_close(out, mark, id);
}

enum part { PART_ERROR, PART_ARGS, PART_METHODS, PART_COUNT };

static const char *const part_keys[PART_COUNT] = {
    [PART_ERROR] = "error",
    [PART_ARGS] = "args",
    [PART_METHODS] = "methods",
};

struct reply_parts {
    struct str text[PART_COUNT]; /* p is NULL when the body has no such key */
    int error;                   /* why on_member stopped */
};

/* A skip_member_fn. Of a key that comes twice the last one counts, as in JSON.parse. */
static bool on_member(void *ctx, struct str key, struct str value)
{
    struct reply_parts *parts = ctx;
    struct str bare = {key.p + 1, key.n - 2};
    AUTO_JSON decoded = NULL;
    if (memchr(bare.p, '\\', bare.n)) {
        struct err why = {0};
        decoded = json_read(key, &why);
        if (!decoded) {
            parts->error = why.code;
            return false;
        }
        bare = str_from(json_string_value(decoded));
    }
    for (int i = 0; i < PART_COUNT; i++)
        if (str_eq_c(bare, part_keys[i]))
            parts->text[i] = value;
    return true;
}

/* A copy of what the "error" key says: its string, or the JSON text of anything else. */
static int error_text(struct str text, char **ret)
{
    struct err why = {0};
    AUTO_JSON value = json_read(text, &why);
    if (!value)
        return why.code == -ENOMEM ? -ENOMEM : -EPROTO;
    if (json_is_string(value))
        text = (struct str){json_string_value(value), json_string_length(value)};
    *ret = strndup(text.p, text.n);
    return *ret ? 0 : -ENOMEM;
}

/* Fill value or error from the body. */
static int reply_fields(struct rpc_reply *r)
{
    struct reply_parts parts = {0};
    int rc = skip_members(r->body, on_member, &parts);
    if (rc < 0)
        return parts.error == -ENOMEM ? -ENOMEM : -EPROTO;
    if (parts.text[PART_ERROR].p)
        return error_text(parts.text[PART_ERROR], &r->error);
    if (parts.text[PART_ARGS].p)
        return skip_first(parts.text[PART_ARGS], &r->value) ? 0 : -EPROTO;
    r->value = parts.text[PART_METHODS];
    return 0;
}

int rpc_reply_parse(const struct amp_msg *m, struct rpc_reply *ret, struct err *e)
{
    *ret = (struct rpc_reply){0};
    if (m->argc < ENVELOPE_ARGC)
        return err_set(e, -EPROTO, "reply without an id");
    amp_arg(m->argv[m->argc - 1], &ret->id);
    if (amp_arg(m->argv[0], &ret->body) != AMP_JSON)
        return err_set(e, -EPROTO, "reply whose body is not JSON");
    int rc = reply_fields(ret);
    if (rc == -ENOMEM)
        return err_set(e, rc, "out of memory");
    if (rc < 0)
        return err_set(e, rc, "malformed reply");
    return 0;
}

void rpc_reply_fini(struct rpc_reply *r)
{
    free(r->error);
    *r = (struct rpc_reply){0};
}

size_t pub_event_open(struct buf *out, struct str topic)
{
    amp_begin(out, ENVELOPE_ARGC);
    amp_add_string(out, topic);
    return amp_arg_open(out, AMP_JSON);
}

void pub_event_close(struct buf *out, size_t mark)
{
    amp_arg_close(out, mark);
}

void pub_event_number(struct buf *out, size_t start, uint64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%" PRIu64, number);
    amp_extend_json(out, start, (struct str){text, (size_t)n});
}

void pub_numbers_write(struct buf *out)
{
    amp_begin(out, 1);
    amp_add_string(out, NUMBERS_WISH);
}

bool pub_numbers_is(const struct amp_msg *m)
{
    struct str word;
    return m->argc == 1 && amp_arg(m->argv[0], &word) == AMP_STRING && str_eq(word, NUMBERS_WISH);
}

static uint64_t number_of(const struct amp_msg *m)
{
    struct str text;
    long long number;
    bool is_there = m->argc > ENVELOPE_ARGC && amp_arg(m->argv[2], &text) == AMP_JSON &&
                    str_to_int(text, &number) && number > 0;
    return is_there ? (uint64_t)number : 0;
}

int pub_event_parse(const struct amp_msg *m, struct pub_event *ret)
{
    *ret = (struct pub_event){0};
    if (m->argc < ENVELOPE_ARGC)
        return -EPROTO;
    /* A topic that an app gave as a number arrives as JSON; its text is the name all the same */
    amp_arg(m->argv[0], &ret->topic);
    ret->number = number_of(m);
    return amp_arg(m->argv[1], &ret->payload) == AMP_JSON ? 0 : -EPROTO;
}
