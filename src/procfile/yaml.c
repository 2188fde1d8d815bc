/* SPDX-License-Identifier: MIT
 * YAML to DOM: libfyaml parses, the tree of nodes is walked here. Aliases are followed, not shared,
 * so that each value has a path of its own; what they add is bounded. */
#include "procfile/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/json5.h"
#include "json/read.h"
#include "json/write.h"

#define NODE_BYTES 64 /* what a value costs beside its text */

struct yaml {
    json_t *lines;
    struct buf path;
    unsigned depth;
    unsigned aliases;   /* that are being followed */
    size_t alias_bytes; /* made below aliases so far */
    struct err *e;
    int rc; /* of the first failure */
};

static json_t *convert(struct yaml *y, struct fy_node *node);

/* The first scalar of `node`: collections have no place of their own in libfyaml's interface. */
static const struct fy_mark *mark_of(struct fy_node *node)
{
    for (unsigned depth = 0; node && depth < LIMIT_JSON_DEPTH; depth++) {
        if (fy_node_get_type(node) == FYNT_SCALAR) {
            struct fy_token *token = fy_node_get_scalar_token(node);
            return token ? fy_token_start_mark(token) : NULL;
        }
        if (fy_node_is_mapping(node)) {
            struct fy_node_pair *pair = fy_node_mapping_get_by_index(node, 0);
            node = pair ? fy_node_pair_key(pair) : NULL;
        } else {
            node = fy_node_sequence_get_by_index(node, 0);
        }
    }
    return NULL;
}

static bool fail(struct yaml *y, struct fy_node *at, int code, const char *fmt, ...)
    ATTR_FORMAT(4, 5);
static bool fail(struct yaml *y, struct fy_node *at, int code, const char *fmt, ...)
{
    if (y->rc)
        return false;
    const struct fy_mark *mark = mark_of(at);
    char why[ERR_MSG_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    y->rc =
        mark ? err_set(y->e, code, "line %d column %d: %s", mark->line + 1, mark->column + 1, why)
             : err_set(y->e, code, "%s", why);
    return false;
}

static bool fail_oom(struct yaml *y)
{
    if (!y->rc)
        y->rc = err_set(y->e, -ENOMEM, "out of memory");
    return false;
}

static struct str text_of(struct fy_node *node)
{
    size_t n = 0;
    const char *p = fy_node_get_scalar(node, &n);
    return (struct str){p ? p : "", p ? n : 0};
}

static bool is_plain(struct fy_node *node)
{
    return fy_node_get_style(node) == FYNS_PLAIN;
}

/* The current path has its value at `node`. */
static bool record(struct yaml *y, struct fy_node *node)
{
    if (buf_oom(&y->path))
        return fail_oom(y);
    const struct fy_mark *mark = y->lines ? mark_of(node) : NULL;
    if (mark && json5_note_line(y->lines, buf_str(&y->path), mark->line + 1) < 0)
        return fail_oom(y);
    return true;
}

/* Count a value of `n` bytes of text, when it is one that an alias repeats. */
static bool afford(struct yaml *y, struct fy_node *node, size_t n)
{
    if (y->aliases == 0)
        return true;
    y->alias_bytes += NODE_BYTES + n;
    return y->alias_bytes <= LIMIT_YAML_ALIAS_BYTES ||
           fail(y, node, -E2BIG, "its aliases stand for more than %lu bytes",
                LIMIT_YAML_ALIAS_BYTES);
}

/* The node that an alias stands for, else the node itself. */
static struct fy_node *target_of(struct yaml *y, struct fy_node *node)
{
    if (!node || !fy_node_is_alias(node))
        return node;
    struct fy_node *target = fy_node_resolve_alias(node);
    if (!target)
        fail(y, node, -EINVAL, "no anchor of this name before the alias *%.*s",
             STR_ARG(text_of(node)));
    return target;
}

/* Tags of scalars: what the value must be then. */
enum tag { TAG_NONE, TAG_STR, TAG_NULL, TAG_BOOL, TAG_NUMBER, TAG_COLLECTION, TAG_BAD };
static enum tag tag_of(struct fy_node *node)
{
    static const struct {
        const char *name;
        enum tag tag;
    } rows[] = {
        {"!", TAG_STR},
        {"tag:yaml.org,2002:str", TAG_STR},
        {"tag:yaml.org,2002:null", TAG_NULL},
        {"tag:yaml.org,2002:bool", TAG_BOOL},
        {"tag:yaml.org,2002:int", TAG_NUMBER},
        {"tag:yaml.org,2002:float", TAG_NUMBER},
        {"tag:yaml.org,2002:map", TAG_COLLECTION},
        {"tag:yaml.org,2002:seq", TAG_COLLECTION},
    };
    size_t n = 0;
    const char *name = fy_node_get_tag(node, &n);
    if (!name)
        return TAG_NONE;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq_c((struct str){name, n}, rows[i].name))
            return rows[i].tag;
    return TAG_BAD;
}

static bool fail_tag(struct yaml *y, struct fy_node *node)
{
    size_t n = 0;
    const char *name = fy_node_get_tag(node, &n);
    return fail(y, node, -EINVAL, "the tag %.*s cannot be used here", (int)n, name);
}

static bool tag_fits(enum tag tag, const json_t *value)
{
    switch (tag) {
    case TAG_NULL: return json_is_null(value);
    case TAG_BOOL: return json_is_boolean(value);
    case TAG_NUMBER: return json_is_number(value) || json_is_null(value); /* .inf */
    default: return tag != TAG_COLLECTION && tag != TAG_BAD;
    }
}

static json_t *convert_scalar(struct yaml *y, struct fy_node *node)
{
    struct str s = text_of(node);
    enum tag tag = tag_of(node);
    if (!afford(y, node, s.n))
        return NULL;
    if (memchr(s.p, '\0', s.n)) {
        fail(y, node, -EILSEQ, "a string cannot have a NUL character");
        return NULL;
    }
    bool is_text = tag == TAG_STR || (tag == TAG_NONE && !is_plain(node));
    json_t *value = is_text ? json_stringn(s.p, s.n) : yaml_plain(s);
    if (!value) {
        fail_oom(y);
    } else if (!tag_fits(tag, value)) {
        fail_tag(y, node);
        json_decref(value);
        return NULL;
    }
    return value;
}

/* A key as JavaScript makes one of a value: 0x10 is "16", ~ is "null". False: not possible. */
static bool key_text(struct yaml *y, struct fy_node *node, struct buf *ret)
{
    node = target_of(y, node);
    if (y->rc)
        return false;
    if (node && fy_node_get_type(node) != FYNT_SCALAR)
        return fail(y, node, -EINVAL, "a key can only be a scalar");
    AUTO_JSON value = node ? convert_scalar(y, node) : json_null();
    if (!value)
        return false;
    if (json_is_string(value)) {
        buf_add(ret, json_string_value(value), json_string_length(value));
    } else {
        struct jw w = jw_to(ret);
        jw_dom(&w, value);
    }
    return buf_oom(ret) ? fail_oom(y) : true;
}

static bool is_merge(struct fy_node *key)
{
    return key && fy_node_get_type(key) == FYNT_SCALAR && !fy_node_is_alias(key) && is_plain(key) &&
           str_eq(text_of(key), STR("<<"));
}

static bool convert_at(struct yaml *y, struct fy_node *at, struct fy_node *value, json_t **ret)
{
    if (!record(y, at ? at : value))
        return false;
    *ret = convert(y, value);
    return *ret != NULL;
}

/* Convert the value of `pair` into `object`. `merged` has the keys that came by `<<` (NULL: none):
 * they yield to the mapping's own; while merging, they are added to, and keys that are there stay.
 */
static bool add_pair(struct yaml *y, json_t *object, json_t **merged, struct fy_node_pair *pair,
                     bool is_merging)
{
    size_t outer = y->path.len;
    struct fy_node *key_node = fy_node_pair_key(pair);
    AUTO(buf) key = BUF_INIT;
    if (!key_text(y, key_node, &key))
        return false;
    if (json_object_getn(object, key.data, key.len)) {
        if (is_merging)
            return true;
        if (!json_object_getn(*merged, key.data, key.len))
            return fail(y, key_node, -EINVAL, "the key '%s' is there twice", key.data);
        json_object_deln(*merged, key.data, key.len);
    }
    if (is_merging && json_object_setn_new_nocheck(*merged, key.data, key.len, json_true()) < 0)
        return fail_oom(y);
    if (outer > 0)
        buf_add_byte(&y->path, '.');
    buf_add_str(&y->path, buf_str(&key));
    json_t *value;
    if (!convert_at(y, key_node, fy_node_pair_value(pair), &value))
        return false;
    buf_truncate(&y->path, outer);
    if (json_object_setn_new_nocheck(object, key.data, key.len, value) < 0)
        return fail_oom(y);
    return true;
}

static bool add_pairs(struct yaml *y, json_t *object, json_t **merged, struct fy_node *node,
                      bool is_merging);

/* `<<: source`: a mapping, or a list of mappings when `may_list`. */
static bool merge(struct yaml *y, json_t *object, json_t **merged, struct fy_node *source,
                  bool may_list)
{
    struct fy_node *node = target_of(y, source);
    if (y->rc)
        return false;
    if (!*merged && !(*merged = json_object()))
        return fail_oom(y);
    bool is_alias = node != source;
    bool ok = true;
    y->aliases += is_alias;
    if (node && fy_node_is_mapping(node)) {
        ok = add_pairs(y, object, merged, node, true);
    } else if (node && may_list && fy_node_is_sequence(node)) {
        void *at = NULL;
        struct fy_node *item;
        while (ok && (item = fy_node_sequence_iterate(node, &at)))
            ok = merge(y, object, merged, item, false);
    } else {
        ok = fail(y, source, -EINVAL, "'<<' can merge only mappings");
    }
    y->aliases -= is_alias;
    return ok;
}

static bool deeper(struct yaml *y, struct fy_node *node)
{
    return ++y->depth <= LIMIT_JSON_DEPTH ||
           fail(y, node, -E2BIG, "nested deeper than %d levels", LIMIT_JSON_DEPTH);
}

/* All pairs, or only those that are (not) merge keys. */
enum pick { PICK_ALL, PICK_OWN, PICK_MERGES };
static bool add_picked(struct yaml *y, json_t *object, json_t **merged, struct fy_node *node,
                       enum pick pick)
{
    void *at = NULL;
    struct fy_node_pair *pair;
    while ((pair = fy_node_mapping_iterate(node, &at))) {
        bool is_source = is_merge(fy_node_pair_key(pair));
        bool ok = true;
        if (is_source && pick != PICK_OWN)
            ok = merge(y, object, merged, fy_node_pair_value(pair), true);
        else if (!is_source && pick != PICK_MERGES)
            ok = add_pair(y, object, merged, pair, pick != PICK_ALL);
        if (!ok)
            return false;
    }
    return true;
}

/* While merging, keys that are there stay, so a source's own keys come before what it merges. */
static bool add_pairs(struct yaml *y, json_t *object, json_t **merged, struct fy_node *node,
                      bool is_merging)
{
    if (!deeper(y, node) || !afford(y, node, 0))
        return false;
    bool ok = is_merging ? add_picked(y, object, merged, node, PICK_OWN) &&
                               add_picked(y, object, merged, node, PICK_MERGES)
                         : add_picked(y, object, merged, node, PICK_ALL);
    y->depth--;
    return ok;
}

static bool fill_array(struct yaml *y, json_t *array, struct fy_node *node)
{
    void *at = NULL;
    struct fy_node *item;
    if (!deeper(y, node) || !afford(y, node, 0))
        return false;
    while ((item = fy_node_sequence_iterate(node, &at))) {
        size_t outer = y->path.len;
        json_t *value;
        buf_printf(&y->path, "[%zu]", json_array_size(array));
        if (!convert_at(y, NULL, item, &value))
            return false;
        buf_truncate(&y->path, outer);
        if (json_array_append_new(array, value) < 0)
            return fail_oom(y);
    }
    y->depth--;
    return true;
}

static json_t *convert_collection(struct yaml *y, struct fy_node *node)
{
    enum tag tag = tag_of(node);
    if (tag != TAG_NONE && tag != TAG_COLLECTION) {
        fail_tag(y, node);
        return NULL;
    }
    bool is_mapping = fy_node_is_mapping(node);
    AUTO_JSON merged = NULL;
    json_t *value = is_mapping ? json_object() : json_array();
    bool ok = value ? true : fail_oom(y);
    if (ok && (is_mapping ? add_pairs(y, value, &merged, node, false) : fill_array(y, value, node)))
        return value;
    json_decref(value);
    return NULL;
}

static json_t *convert(struct yaml *y, struct fy_node *node)
{
    struct fy_node *target = target_of(y, node);
    if (y->rc)
        return NULL;
    if (!target)
        return json_null();
    bool is_alias = target != node;
    y->aliases += is_alias;
    json_t *value = fy_node_get_type(target) == FYNT_SCALAR ? convert_scalar(y, target)
                                                            : convert_collection(y, target);
    y->aliases -= is_alias;
    return value;
}

static void print_nothing(struct fy_diag *diag ATTR_UNUSED, void *user ATTR_UNUSED,
                          const char *text ATTR_UNUSED, size_t n ATTR_UNUSED)
{
}

/* libfyaml's own complaint, the first of them. */
static void fail_parse(struct yaml *y, struct fy_diag *diag)
{
    void *at = NULL;
    struct fy_diag_error *first = fy_diag_errors_iterate(diag, &at);
    if (y->rc)
        return;
    if (!first)
        y->rc = err_set(y->e, -EINVAL, "not YAML");
    else
        y->rc = err_set(y->e, strstr(first->msg, "Max depth") ? -E2BIG : -EINVAL,
                        "line %d column %d: %s", first->line, first->column, first->msg);
}

static json_t *read_stream(struct yaml *y, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_document *doc = fy_parse_load_document(parser);
    json_t *root = NULL;
    if (doc)
        root = convert(y, fy_document_root(doc));
    else if (fy_parser_get_stream_error(parser))
        fail_parse(y, diag);
    else
        root = json_null();
    struct fy_document *second = root && doc ? fy_parse_load_document(parser) : NULL;
    if (second)
        fail(y, fy_document_root(second), -EINVAL, "a second document begins");
    else if (root && doc && fy_parser_get_stream_error(parser))
        fail_parse(y, diag);
    fy_parse_document_destroy(parser, second);
    fy_parse_document_destroy(parser, doc);
    if (root && y->rc) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

/* What libfyaml would pass over. */
static bool text_ok(struct yaml *y, struct str text)
{
    const char *bad = memchr(text.p, '\0', text.n);
    bad = bad ? bad : json5_bad_utf8(text);
    if (text.n > LIMIT_YAML_BYTES) {
        y->rc = err_set(y->e, -E2BIG, "YAML of more than %lu bytes", LIMIT_YAML_BYTES);
    } else if (bad) {
        long line = 1;
        for (const char *p = text.p; p < bad; p++)
            line += *p == '\n';
        y->rc = err_set(y->e, -EILSEQ, "line %ld: not UTF-8 text (byte 0x%02X)", line,
                        (unsigned char)*bad);
    }
    return y->rc == 0;
}

json_t *yaml_read(struct str text, json_t *lines, struct err *e)
{
    struct yaml y = {.lines = lines, .path = BUF_INIT, .e = e};
    text.p = text.p ? text.p : "";
    if (!text_ok(&y, text))
        return NULL;
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = print_nothing;
    struct fy_diag *diag = fy_diag_create(&diag_cfg);
    /* a key twice is found here: with its name, and without comparing each with each */
    struct fy_parse_cfg cfg = {
        .flags = FYPCF_QUIET | FYPCF_JSON_NONE | FYPCF_ALLOW_DUPLICATE_KEYS,
        .diag = diag,
    };
    struct fy_parser *parser = diag ? fy_parser_create(&cfg) : NULL;
    json_t *root = NULL;
    if (diag)
        fy_diag_set_collect_errors(diag, true);
    if (parser && fy_parser_set_string(parser, text.p, text.n) == 0)
        root = read_stream(&y, parser, diag);
    else
        fail_oom(&y);
    if (parser)
        fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    buf_fini(&y.path);
    return root;
}
