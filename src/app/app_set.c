/* SPDX-License-Identifier: MIT
 * All apps of a process file: who they are, what is wrong with any of them, their confs in the
 * order of their needs. Pure. */
#include "app/app_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/depends.h"
#include "app/names.h"
#include "app/schema.h"
#include "app/world_memo.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/read.h"

/* One app under way. */
struct entry {
    size_t index;    /* its place in the file */
    json_t *options; /* as written, under the overlay; NULL when it is no object */
    json_t *conf;    /* NULL when something is wrong with it */
    char *name;      /* NULL when it cannot be told */
    const char *ns;  /* borrowed from options */
    json_t *needs;   /* depends_on, checked; NULL */
    char *failure;   /* what it names is not there; NULL */
    bool is_chosen;
};

struct build {
    const struct app_set_request *rq;
    struct app_set *set;
    struct entry *entries;
    size_t count;
    struct entry *now; /* the app that is looked at */
    size_t failures;   /* among the errors of the set: see is_failure() */
    bool is_out_of_memory;
};

/* ---- notes ---- */

static long line_of(const struct app_set_request *rq, const char *path)
{
    AUTO(buf) at = BUF_INIT;
    buf_add_c(&at, path);
    /* The line of what it is part of is better than none. */
    while (rq->lines && at.len > 0) {
        json_t *line = json_object_get(rq->lines, at.data);
        if (line)
            return (long)json_integer_value(line);
        const char *dot = memrchr(at.data, '.', at.len);
        buf_truncate(&at, dot ? (size_t)(dot - at.data) : 0);
    }
    return 0;
}

static int add_note(struct app_set_notes *notes, const char *path, const char *text, long line)
{
    if (notes->count >= LIMIT_FILE_NOTES) {
        notes->more++;
        return 0;
    }
    struct app_set_note *more = reallocarray(notes->items, notes->count + 1, sizeof(*notes->items));
    if (!more)
        return -ENOMEM;
    notes->items = more;
    struct app_set_note *n = &more[notes->count];
    *n = (struct app_set_note){.path = strdup(path), .text = strdup(text), .line = line};
    notes->count++;
    return n->path && n->text ? 0 : -ENOMEM;
}

/* `at` of the app, below the list that is called `list`. */
static void add_path(struct buf *path, const char *list, const struct entry *app, const char *at)
{
    if (app)
        buf_printf(path, "%s[%zu]", list ? list : "", app->index);
    if (path->len > 0 && *at)
        buf_add_byte(path, '.');
    buf_add_c(path, at);
}

/* `at` is an attribute of the app; "" = the app as a whole. */
static void note(struct build *b, struct app_set_notes *notes, const struct entry *app,
                 const char *at, const char *text)
{
    AUTO(buf) path = BUF_INIT;
    AUTO(buf) lines_path = BUF_INIT;
    add_path(&path, b->rq->apps_at, app, at);
    add_path(&lines_path, "apps", app, at);
    if (buf_oom(&path) || buf_oom(&lines_path) ||
        add_note(notes, path.data, text, line_of(b->rq, lines_path.data)) < 0)
        b->is_out_of_memory = true;
}

/* The attribute is right, but the machine does not have what it names. */
static bool is_failure(const struct entry *app, const char *at, int code)
{
    static const char *const places[] = {"script", "cwd", "exec_interpreter"};
    const struct schema_row *row = schema_find(at);
    if (code == -EINVAL || code == -ENOMEM || !app->name || !row)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (strcmp(row->name, places[i]) == 0)
            return true;
    return false;
}

static void on_conf_note(void *ctx, enum conf_note kind, const char *at, int code, const char *text)
{
    struct build *b = ctx;
    if (code == -ENOMEM)
        b->is_out_of_memory = true;
    if (kind == CONF_ERROR && is_failure(b->now, at, code)) {
        if (!b->now->failure && !(b->now->failure = strdup(text)))
            b->is_out_of_memory = true;
        b->failures++;
    }
    note(b, kind == CONF_ERROR ? &b->set->errors : &b->set->warnings, b->now, at, text);
}

static void notes_fini(struct app_set_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        free(notes->items[i].path);
        free(notes->items[i].text);
    }
    free(notes->items);
    *notes = (struct app_set_notes){0};
}

/* ---- who it is ---- */

/* Options of the command line over what the file says; a namespace only where it has none. */
static json_t *with_overlay(const struct app_set_request *rq, json_t *app)
{
    if (json_object_size(rq->overlay) == 0)
        return json_incref(app);
    AUTO_JSON options = json_copy(app);
    const char *own = json_get_str(app, "namespace");
    const char *key;
    json_t *value;
    json_object_foreach (rq->overlay, key, value) {
        if (strcmp(key, "namespace") == 0 && own && *own)
            continue;
        if (!options || json_object_set(options, key, value) < 0)
            return NULL;
    }
    return json_incref(options);
}

static char *name_of(const struct app_set_request *rq, const json_t *options)
{
    AUTO(buf) name = BUF_INIT;
    const char *given = json_get_str(options, "name");
    const char *script = json_string_value(schema_given(options, schema_find("script")));
    if (given && *given)
        buf_add_c(&name, given);
    else if (!script || name_default(script, &name) < 0)
        return NULL;
    if (rq->env_name && json_is_true(schema_given(options, schema_find("append_env_to_name"))))
        buf_printf(&name, "-%s", rq->env_name);
    return name.len ? buf_detach(&name) : NULL;
}

static bool is_listed(const json_t *names, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach (names, i, item) {
        const char *text = json_string_value(item);
        if (text && name && strcmp(text, name) == 0)
            return true;
    }
    return false;
}

/* What can be known of an app without looking at the machine. */
static int identify(const struct app_set_request *rq, size_t i, struct entry *a)
{
    json_t *app = json_array_get(rq->apps, i);
    a->index = i;
    if (!json_is_object(app))
        return 0;
    a->options = with_overlay(rq, app);
    if (!a->options)
        return -ENOMEM;
    a->name = name_of(rq, a->options);
    a->ns = json_get_str(a->options, "namespace");
    if (!a->ns || !*a->ns)
        a->ns = "default";
    const struct schema_row *row = schema_find("depends_on");
    json_t *needs = schema_given(a->options, row);
    a->needs = needs ? schema_convert(row, needs, NULL) : NULL;
    a->is_chosen = json_array_size(rq->only) == 0 || is_listed(rq->only, a->name) ||
                   is_listed(rq->only, json_get_str(a->options, "name"));
    return 0;
}

static void entry_fini(struct entry *a)
{
    json_decref(a->options);
    json_decref(a->conf);
    free(a->name);
    json_decref(a->needs);
    free(a->failure);
}

/* ---- one app ---- */

static void check_env_name(struct build *b, const struct entry *a)
{
    if (!b->rq->env_name || !a->is_chosen)
        return;
    AUTO(buf) key = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    buf_printf(&key, "env_%s", b->rq->env_name);
    buf_printf(&text, "Environment [%s] is not defined in process file", b->rq->env_name);
    if (!json_has(a->options, key.data))
        note(b, &b->set->warnings, a, "", text.data);
}

static void build_one(struct build *b, struct entry *a, const struct app_world *w)
{
    char at[32];
    const struct app_set_request *rq = b->rq;
    if (!a->options) {
        AUTO(buf) text = BUF_INIT;
        buf_printf(&text, "Expect an app to be a typeof [object Object], but now is [object %s]",
                   json_type_name(json_array_get(rq->apps, a->index)));
        note(b, &b->set->errors, a, "", text.data);
        return;
    }
    snprintf(at, sizeof(at), "apps[%zu]", a->index);
    struct app_file file = {
        .path = rq->file,
        .at = at,
        .lines = rq->lines,
        .env_name = rq->env_name,
        .deploy_env = rq->deploy_env,
    };
    struct app_request one = {
        .options = a->options,
        .cwd = rq->cwd,
        .env = rq->env,
        .home = rq->home,
        .log_dir = rq->log_dir,
        .pid_dir = rq->pid_dir,
        .file = &file,
    };
    b->now = a;
    check_env_name(b, a);
    if (rq->is_check)
        conf_examine(&one, w, on_conf_note, b);
    else
        a->conf = conf_build(&one, w, on_conf_note, b);
}

/* ---- all together ---- */

static int check_names(struct build *b)
{
    AUTO_JSON seen = json_object();
    for (size_t i = 0; i < b->count; i++) {
        struct entry *a = &b->entries[i];
        AUTO(buf) key = BUF_INIT;
        if (!a->name)
            continue;
        buf_printf(&key, "%s\n%s", a->ns, a->name);
        json_t *first = json_object_get(seen, key.data);
        if (first) {
            AUTO(buf) text = BUF_INIT;
            buf_printf(&text, "The name \"%s\" is taken in namespace \"%s\" by ", a->name, a->ns);
            add_path(&text, b->rq->apps_at, &b->entries[json_integer_value(first)], "");
            note(b, &b->set->errors, a, "name", text.data);
        } else if (buf_oom(&key) ||
                   json_object_set_new(seen, key.data, json_integer((json_int_t)i)) < 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static void on_problem(void *ctx, enum depend_problem kind, size_t node, const char *what)
{
    static const char *const texts[] = {
        [DEPEND_UNKNOWN] = "no app of this file is called \"%s\"",
        [DEPEND_AMBIGUOUS] = "apps of several namespaces are called \"%s\"",
        [DEPEND_CYCLE] = "these apps wait for each other: %s",
    };
    struct build *b = ctx;
    AUTO(buf) text = BUF_INIT;
    AUTO(buf) at = BUF_INIT;
    const char *split = strstr(texts[kind], "%s");
    buf_add(&text, texts[kind], (size_t)(split - texts[kind]));
    buf_printf(&text, "%s%s", what, split + 2);
    buf_printf(&at, "depends_on%s%s", kind == DEPEND_CYCLE ? "" : ".",
               kind == DEPEND_CYCLE ? "" : what);
    note(b, &b->set->errors, &b->entries[node], at.data, text.data);
}

/* The places of all apps, in the order of their needs. To be freed; NULL on OOM. */
static size_t *order(struct build *b)
{
    struct depend_node *nodes = calloc(b->count + 1, sizeof(*nodes));
    size_t *places = calloc(b->count + 1, sizeof(*places));
    for (size_t i = 0; nodes && i < b->count; i++) {
        const struct entry *a = &b->entries[i];
        nodes[i] = (struct depend_node){.name = a->name ? a->name : "",
                                        .ns = a->ns ? a->ns : "",
                                        .depends_on = a->needs};
    }
    if (!nodes || !places || depends_order(nodes, b->count, on_problem, b, places) < 0) {
        free(places);
        places = NULL;
    }
    free(nodes);
    return places;
}

/* Names of --only that nothing in the file has. */
static void check_only(struct build *b)
{
    size_t i;
    json_t *item;
    json_array_foreach (b->rq->only, i, item) {
        const char *name = json_string_value(item);
        bool found = false;
        for (size_t k = 0; k < b->count && !found; k++) {
            const struct entry *a = &b->entries[k];
            const char *raw = json_get_str(a->options, "name");
            found = name &&
                    ((a->name && strcmp(a->name, name) == 0) || (raw && strcmp(raw, name) == 0));
        }
        AUTO(buf) text = BUF_INIT;
        buf_printf(&text, "No app of the file is called \"%s\" (--only)", name ? name : "");
        if (!found)
            note(b, &b->set->warnings, NULL, "", text.data);
    }
}

static int hand_over(struct build *b, const size_t *places)
{
    struct app_set *s = b->set;
    s->items = calloc(b->count + 1, sizeof(*s->items));
    if (!s->items)
        return -ENOMEM;
    for (size_t i = 0; i < b->count; i++) {
        struct entry *a = &b->entries[places[i]];
        if (!a->is_chosen)
            continue;
        struct app_set_item *item = &s->items[s->count++];
        *item = (struct app_set_item){.conf = a->conf,
                                      .failure = a->failure,
                                      .name = a->name,
                                      .ns = strdup(a->ns),
                                      .index = places[i]};
        a->conf = NULL;
        a->name = a->failure = NULL;
        if (!item->ns)
            return -ENOMEM;
    }
    return 0;
}

static int build_all(struct build *b, const struct app_world *w)
{
    int rc = 0;
    for (size_t i = 0; i < b->count && rc == 0; i++) {
        rc = identify(b->rq, i, &b->entries[i]);
        if (rc == 0)
            build_one(b, &b->entries[i], w);
    }
    if (rc == 0)
        rc = check_names(b);
    size_t *places = rc == 0 ? order(b) : NULL;
    if (places)
        check_only(b);
    rc = !places || b->is_out_of_memory ? -ENOMEM : 0;
    bool runs = b->set->errors.count + b->set->errors.more == b->failures;
    if (rc == 0 && runs) {
        notes_fini(&b->set->errors); /* each is told by its app */
        rc = hand_over(b, places);
    }
    free(places);
    return rc;
}

/* The array itself. */
static int check_array(const struct app_set_request *rq, struct err *e)
{
    if (!json_is_array(rq->apps))
        return err_set(e, -EINVAL,
                       "Expect \"%s\" to be a typeof [object Array], but now is [object %s]",
                       rq->apps_at ? rq->apps_at : "", json_type_name(rq->apps));
    if (json_array_size(rq->apps) > LIMIT_FILE_APPS)
        return err_set(e, -E2BIG, "The file has %zu apps; the limit is %d",
                       json_array_size(rq->apps), LIMIT_FILE_APPS);
    return 0;
}

int app_set_build(const struct app_set_request *rq, const struct app_world *w, struct app_set *ret,
                  struct err *e)
{
    *ret = (struct app_set){0};
    int rc = check_array(rq, e);
    if (rc < 0)
        return rc;
    struct build b = {.rq = rq, .set = ret, .count = json_array_size(rq->apps)};
    struct world_memo memo;
    world_memo_init(&memo, w);
    b.entries = calloc(b.count + 1, sizeof(*b.entries));
    rc = b.entries ? build_all(&b, &memo.world) : -ENOMEM;
    world_memo_fini(&memo);
    for (size_t i = 0; b.entries && i < b.count; i++)
        entry_fini(&b.entries[i]);
    free(b.entries);
    if (rc == 0)
        return 0;
    app_set_fini(ret);
    return err_set(e, rc, "out of memory");
}

void app_set_fini(struct app_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        json_decref(s->items[i].conf);
        free(s->items[i].failure);
        free(s->items[i].name);
        free(s->items[i].ns);
    }
    free(s->items);
    notes_fini(&s->errors);
    notes_fini(&s->warnings);
    *s = (struct app_set){0};
}

/* ---- names only ---- */

json_t *app_set_names(const struct app_set_request *rq, struct err *e)
{
    const char *list_at = rq->apps_at ? rq->apps_at : "";
    if (check_array(rq, e) < 0)
        return NULL;
    AUTO_JSON list = json_array();
    for (size_t i = 0; i < json_array_size(rq->apps); i++) {
        struct entry a = {0};
        int rc = identify(rq, i, &a);
        if (rc == 0 && !a.options)
            rc = err_set(e, -EINVAL,
                         "%s[%zu]: Expect an app to be a typeof [object Object], but now is "
                         "[object %s]",
                         list_at, i, json_type_name(json_array_get(rq->apps, i)));
        else if (rc == 0 && !a.name)
            rc = err_set(e, -EINVAL, "%s[%zu].script: No script path - aborting", list_at, i);
        else if (rc < 0 ||
                 (a.is_chosen && json_array_append_new(list, json_pack("{ssss}", "name", a.name,
                                                                       "namespace", a.ns)) < 0))
            rc = out_of_memory(e);
        entry_fini(&a);
        if (rc < 0)
            return NULL;
    }
    return list ? json_incref(list) : (out_of_memory(e), NULL);
}
