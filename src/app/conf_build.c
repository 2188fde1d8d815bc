/* SPDX-License-Identifier: MIT
 * A conf from what a user typed, step by step: validate, name, environment, script, interpreter,
 * mode, user, files; then everything in PM2's order of keys (tools compare them). A step that fails
 * does not keep the others from being checked. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "app/interp.h"
#include "app/listen.h"
#include "app/names.h"
#include "app/schema_priv.h"
#include "base/attr.h"
#include "base/buf.h"
#include "json/read.h"

enum step {
    STEP_NAME,
    STEP_ENV,
    STEP_SCRIPT,
    STEP_INTERPRETER,
    STEP_MODE,
    STEP_USER,
    STEP_FILES,
    STEP_COUNT
};
#define BIT(step) (1U << (step))

/* One start under way. */
struct build {
    const struct app_request *rq;
    const struct app_world *w;
    conf_note_fn *note;
    void *ctx;
    json_t *options; /* validated attributes, growing */
    json_t *env, *env_from;
    json_t *files; /* pm_cwd, name and what conf_set_paths() makes of them */
    char *cwd;
    struct script script;
    const char *typed;    /* the script as typed */
    char *interpreter;    /* chosen here; NULL when the user named one */
    const char *node_arg; /* that the choice needs; static */
    const char *at;       /* attribute that the step under way is about */
    bool is_bad[SCHEMA_ROWS_MAX];
    unsigned done; /* BIT() of steps that succeeded */
    bool is_check; /* nothing is made of it: what cannot fail is left out */
    bool failed;
};

static void build_fini(struct build *b)
{
    json_decref(b->options);
    json_decref(b->env);
    json_decref(b->env_from);
    json_decref(b->files);
    free(b->cwd);
    free(b->interpreter);
    script_fini(&b->script);
}

static int put(json_t *object, const char *key, json_t *take_value, struct err *e)
{
    return json_object_set_new(object, key, take_value) < 0 ? out_of_memory(e) : 0;
}

static int put_default(json_t *object, const char *key, json_t *take_value, struct err *e)
{
    if (!json_has(object, key))
        return put(object, key, take_value, e);
    json_decref(take_value);
    return 0;
}

/* ---- what there is to say ---- */

/* `name` in the user's own spelling. */
static const char *spelled(const struct build *b, const char *name)
{
    const struct schema_row *row = schema_find(name);
    const char *key;
    json_t *value;
    if (json_has(b->rq->options, name))
        return name;
    json_object_foreach (b->rq->options, key, value) {
        if (!json_is_null(value) && schema_find(key) == row)
            return key;
    }
    return name;
}

static void fail(struct build *b, const char *attribute, const struct err *e)
{
    b->failed = true;
    b->note(b->ctx, CONF_ERROR, spelled(b, attribute), e->code ? e->code : -ENOMEM,
            e->code ? e->msg : "out of memory");
}

static void warn(struct build *b, const char *attribute, const char *text)
{
    b->note(b->ctx, CONF_WARNING, spelled(b, attribute), 0, text);
}

/* Of the check of all attributes. */
static void on_finding(void *ctx, enum schema_finding kind, const char *key, int code,
                       const char *text)
{
    static const enum conf_note notes[] = {
        [SF_ERROR] = CONF_ERROR,
        [SF_CAVEAT] = CONF_WARNING,
        [SF_UNKNOWN] = CONF_UNKNOWN,
    };
    struct build *b = ctx;
    if (kind == SF_ERROR) {
        struct err attribute;
        err_set(&attribute, 0, "%.*s", (int)strcspn(key, "."), key);
        const struct schema_row *row = schema_find(attribute.msg);
        b->failed = true;
        if (row)
            b->is_bad[row - schema_rows] = true;
    }
    b->note(b->ctx, notes[kind], key, code, text);
}

/* ---- steps ---- */

static int set_args(json_t *options, json_t *args, struct err *e)
{
    if (!args || (json_is_array(args) && json_array_size(args) == 0))
        return 0;
    json_t *list = schema_convert(schema_find("args"), args, e);
    if (!list)
        return e->code ? e->code : -EINVAL;
    return put(options, "args", list, e);
}

static int append_env_name(const struct build *b, struct buf *name)
{
    const char *env_name = b->rq->file ? b->rq->file->env_name : NULL;
    if (env_name && json_is_true(json_object_get(b->options, "append_env_to_name")))
        buf_printf(name, "-%s", env_name);
    return buf_oom(name) ? -ENOMEM : 0;
}

static int set_name(struct build *b, struct err *e)
{
    const char *given = json_get_str(b->options, "name");
    AUTO(buf) name = BUF_INIT;
    b->at = "script";
    if (!b->typed || !*b->typed)
        return err_set(e, -ENOENT, "No script path - aborting");
    b->at = "name";
    if (given && *given)
        buf_add_c(&name, given);
    else if (name_default(b->typed, &name) < 0)
        return out_of_memory(e);
    if (append_env_name(b, &name) < 0)
        return out_of_memory(e);
    int rc = name_check(name.data, e);
    return rc < 0 ? rc : put(b->options, "name", json_string(name.data), e);
}

static int make_env(struct build *b, struct err *e)
{
    b->env = env_from_request(b->rq, b->options, b->env_from, e);
    if (b->env)
        return 0;
    /* The only block of variables that is checked no earlier than here. */
    const char *env_name = b->rq->file ? b->rq->file->env_name : NULL;
    const char *key;
    json_t *value;
    json_object_foreach (b->rq->options, key, value) {
        if (env_name && strncmp(key, "env_", 4) == 0 && strcmp(key + 4, env_name) == 0 &&
            !json_is_object(value))
            b->at = key;
    }
    return e->code;
}

static struct interp_place place_of(const struct build *b)
{
    return (struct interp_place){.path = json_get_str(b->env, "PATH"), .cwd = b->cwd};
}

/* Script and folder as seen from `base`. */
static int find_from(struct build *b, const char *base, struct err *e)
{
    struct app_request rq = *b->rq;
    rq.cwd = base;
    free(b->cwd);
    b->at = "cwd";
    b->cwd = conf_resolve_cwd(b->options, &rq, e);
    if (!b->cwd)
        return e->code;
    b->at = "script";
    int rc = script_find(&b->script, b->typed, json_object_get(b->options, "args"), b->cwd,
                         json_get_str(b->env, "PATH"), b->w, e);
    if (rc < 0)
        return rc;
    b->at = "cwd";
    rc = conf_check_folder(b->cwd, b->w, e);
    if (rc < 0)
        script_fini(&b->script);
    return rc;
}

/* From the folder of the process file, when the caller's is not the one that was meant. */
static int find_from_file(struct build *b, const struct err *first, struct err *e)
{
    const struct app_file *f = b->rq->file;
    const char *slash = f && f->path ? strrchr(f->path, '/') : NULL;
    const char *at = b->at;
    struct err second = {0};
    int rc = first->code;
    char *folder = slash ? strndup(f->path, (size_t)(slash - f->path) + 1) : NULL;
    if (rc == -ENOENT && folder && (rc = find_from(b, folder, &second)) == 0) {
        AUTO(buf) text = BUF_INIT;
        buf_printf(&text, "%s, using the folder of the file: %s", first->msg, b->cwd);
        warn(b, at, text.data);
    }
    free(folder);
    b->at = rc < 0 ? at : b->at;
    return rc < 0 ? err_set(e, first->code, "%s", first->msg) : 0;
}

static int find_script(struct build *b, struct err *e)
{
    struct err first = {0};
    int rc = find_from(b, b->rq->cwd, &first);
    if (rc < 0 && (rc = find_from_file(b, &first, e)) < 0)
        return rc;
    b->at = "args";
    if (b->script.args)
        rc = json_object_set(b->options, "args", b->script.args) < 0 ? out_of_memory(e) : 0;
    return rc;
}

/* The script as such, where nothing else looks into it. */
static int check_script(const struct build *b, bool executes_itself, struct err *e)
{
    const char *path = b->script.path;
    int code = 0;
    bool is_folder = b->w->kind(b->w->ctx, path, &code) == FILE_FOLDER;
    if (executes_itself && is_folder)
        return err_set(e, -EISDIR, "%s is a folder and cannot be executed", path);
    if (executes_itself && !b->w->is_executable(b->w->ctx, path))
        return err_set(e, -EACCES, "%s is not executable (chmod +x)", path);
    if (!executes_itself && !is_folder && !b->w->is_readable(b->w->ctx, path))
        return err_set(e, -EACCES, "cannot read %s: %s", path, err_text(EACCES));
    return 0;
}

static int use_given_interpreter(struct build *b, const char *given, struct err *e)
{
    bool is_none = strcmp(given, "none") == 0;
    if (b->script.is_shell_line && !is_none)
        return err_set(e, -EINVAL,
                       "\"%s\" is a shell line and takes no interpreter: put the arguments of the "
                       "script into args or behind --",
                       b->typed);
    struct interp_place place = place_of(b);
    char *interpreter = NULL;
    int rc = interp_check(given, &place, b->rq->cwd, b->w, &interpreter, e);
    if (rc == 0) {
        b->at = "script";
        rc = check_script(b, is_none, e);
    }
    if (rc == 0)
        rc = put(b->options, "exec_interpreter", json_string(interpreter), e);
    free(interpreter);
    return rc;
}

/* The argument that the chosen interpreter needs goes before those of the user. */
static int add_node_arg(struct build *b, struct err *e)
{
    AUTO_JSON list = json_array();
    json_t *given = json_object_get(b->options, "node_args");
    if (json_array_append_new(list, json_string(b->node_arg)) < 0 ||
        (given && json_array_extend(list, given) < 0))
        return out_of_memory(e);
    return put(b->options, "node_args", json_incref(list), e);
}

static int choose_interpreter(struct build *b, struct err *e)
{
    const char *given = json_get_str(b->options, "exec_interpreter");
    int rc = 0;
    b->at = given && *given ? "exec_interpreter" : "script";
    if (given && *given) {
        rc = use_given_interpreter(b, given, e);
    } else {
        json_object_del(b->options, "exec_interpreter");
        struct interp_place place = place_of(b);
        if (b->script.is_shell_line)
            rc = (b->interpreter = strdup("none")) ? 0 : out_of_memory(e);
        else
            rc = interp_choose(b->script.path, &place, b->w, &b->interpreter, &b->node_arg, e);
    }
    return rc == 0 && b->node_arg ? add_node_arg(b, e) : rc;
}

static const char *interpreter_of(const struct build *b)
{
    return b->interpreter ? b->interpreter : json_get_str(b->options, "exec_interpreter");
}

int conf_set_mode(json_t *conf, const char *mode, const char *interpreter, struct err *e)
{
    bool is_cluster = strncmp(mode, "cluster", 7) == 0;
    bool is_node = interp_can_cluster(interpreter);
    bool listens = listen_count(conf) > 0;
    if (is_cluster && !is_node && !listens)
        return err_set(
            e, -EINVAL,
            "cluster mode needs node or bun, or addresses in listen; use exec_mode fork");
    if (is_cluster && is_node && listens)
        return err_set(e, -EINVAL,
                       "listen is not for workers of Node's cluster, which share what they listen "
                       "on anyway; leave it out, or use exec_mode fork");
    return put(conf, "exec_mode", json_string(is_cluster ? "cluster_mode" : "fork_mode"), e);
}

static void warn_of_fork(struct build *b)
{
    static const char *const attributes[] = {"balance", "share_port"};
    const char *mode = json_get_str(b->options, "exec_mode");
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
        if (!json_has(b->options, attributes[i]) || (mode && strncmp(mode, "cluster", 7) == 0))
            continue;
        AUTO(buf) text = BUF_INIT;
        buf_printf(&text, "\"%s\" has no effect in fork mode", attributes[i]);
        warn(b, attributes[i], text.data);
    }
}

static int choose_mode(struct build *b, struct err *e)
{
    const char *mode = json_get_str(b->options, "exec_mode");
    const json_t *instances = json_object_get(b->options, "instances");
    b->at = "instances";
    int n = app_conf_instances(b->options, b->w->cpu_count, e);
    if (n < 0)
        return n;
    int rc = 0;
    b->at = mode ? "exec_mode" : "instances";
    if (json_is_true(json_object_get(b->options, "execute_command")))
        rc = conf_set_mode(b->options, "fork", interpreter_of(b), e);
    else if (mode)
        rc = conf_set_mode(b->options, mode, interpreter_of(b), e);
    else if (instances && interp_can_cluster(interpreter_of(b)) && !listen_count(b->options))
        rc = conf_set_mode(b->options, "cluster", interpreter_of(b), e);
    /* PM2's rule: no number, or "one per processor", means one set of files for all. */
    if (rc == 0 && json_integer_value(instances) == 0)
        rc = put_default(b->options, "merge_logs", json_true(), e);
    warn_of_fork(b);
    return rc;
}

static int set_user(struct build *b, struct err *e)
{
    b->at = json_has(b->options, "uid") ? "uid" : "gid";
    return conf_set_user(b->options, b->env, b->env_from, b->w, e);
}

/* A warning of conf_set_paths() names a folder, not the attribute. */
static int set_files(struct build *b, struct err *e)
{
    AUTO_JSON warnings = json_array();
    if (!warnings || !(b->files = json_object()) ||
        json_object_set(b->files, "name", json_object_get(b->options, "name")) < 0 ||
        json_object_set_new(b->files, "pm_cwd", json_string(b->cwd)) < 0)
        return out_of_memory(e);
    int rc = conf_set_paths(b->files, b->options, b->rq, b->w, b->is_check, warnings, &b->at, e);
    size_t i;
    json_t *text;
    json_array_foreach (warnings, i, text) {
        b->note(b->ctx, CONF_WARNING, "", 0, json_string_value(text));
    }
    return rc;
}

/* ---- assembly ---- */

/* The environment gets its last key, which PM2 puts there for the settings of modules: text when
 * the app comes from a file. PWD goes with a folder that was asked for. */
static int finish_env(struct build *b, struct err *e)
{
    const char *name = json_get_str(b->options, "name");
    json_t *settings = b->rq->file ? json_string("{}") : json_object();
    int rc = env_for_interpreter(b->env, b->env_from, interpreter_of(b), e);
    if (rc == 0 && json_has(b->options, "cwd"))
        rc = env_set_own(b->env, b->env_from, "PWD", json_string(b->cwd), ENV_OF_PM2, e);
    if (rc == 0 && !json_has(b->env, name))
        rc = env_set_own(b->env, b->env_from, name, json_incref(settings), ENV_OF_PM2, e);
    json_decref(settings);
    if (rc == 0 && json_object_set(b->options, "env", b->env) < 0)
        rc = out_of_memory(e);
    return rc;
}

/* What one option says about another. */
static int finish_implied(struct build *b, struct err *e)
{
    int rc = 0;
    if (json_is_false(json_object_get(b->options, "automation")))
        rc = put(b->options, "pmx", json_false(), e);
    if (rc == 0 && json_is_true(json_object_get(b->options, "time")))
        rc = put_default(b->options, "log_date_format", json_string("YYYY-MM-DDTHH:mm:ss"), e);
    if (rc == 0 && json_is_true(json_object_get(b->options, "disable_trace"))) {
        json_object_del(b->options, "disable_trace");
        rc = put(b->options, "trace", json_false(), e);
    }
    return rc;
}

static int finish_options(struct build *b, struct err *e)
{
    int rc = put_default(b->options, "namespace", json_string("default"), e);
    if (rc == 0 && !b->rq->file && /* a command line always has them */
        (rc = put_default(b->options, "filter_env", json_array(), e)) == 0)
        rc = put_default(b->options, "watch", json_false(), e);
    if (rc == 0)
        rc = put(b->options, "username", json_string(b->w->username ? b->w->username : ""), e);
    if (rc == 0)
        rc = finish_implied(b, e);
    return rc < 0 ? rc : finish_env(b, e);
}

static json_t *assemble(struct build *b, struct err *e)
{
    if (finish_options(b, e) < 0)
        return NULL;
    AUTO_JSON conf = conf_ordered(b->options);
    if (!conf) {
        out_of_memory(e);
        return NULL;
    }
    if (put_default(conf, "node_args", json_array(), e) < 0 ||
        put(conf, "pm_exec_path", json_string(b->script.path), e) < 0 ||
        put(conf, "pm_cwd", json_string(b->cwd), e) < 0 ||
        put_default(conf, "exec_interpreter", json_string(interpreter_of(b)), e) < 0 ||
        put_default(conf, "exec_mode", json_string("fork_mode"), e) < 0 ||
        put_default(conf, "instances", json_integer(1), e) < 0 ||
        json_object_update_missing(conf, b->files) < 0 ||
        put(conf, "km_link", json_false(), e) < 0 ||
        put(conf, CONF_ENV_FROM, json_incref(b->env_from), e) < 0) {
        out_of_memory(e);
        return NULL;
    }
    return json_incref(conf);
}

/* ---- all steps ---- */

static const struct {
    int (*run)(struct build *b, struct err *e);
    unsigned needs;
    /* A step does not look at attributes that are known to be wrong. */
    const char *attributes[8];
} steps[STEP_COUNT] = {
    [STEP_NAME] = {set_name, 0, {"script", "name"}},
    [STEP_ENV] = {make_env, 0, {"env", "port", "io", "filter_env"}},
    [STEP_SCRIPT] = {find_script, BIT(STEP_ENV) | BIT(STEP_NAME), {"script", "cwd", "args"}},
    [STEP_INTERPRETER] = {choose_interpreter, BIT(STEP_SCRIPT), {"exec_interpreter", "node_args"}},
    [STEP_MODE] = {choose_mode, BIT(STEP_INTERPRETER), {"exec_mode", "instances", "merge_logs"}},
    [STEP_USER] = {set_user, BIT(STEP_ENV), {"uid", "gid"}},
    [STEP_FILES] = {set_files,
                    BIT(STEP_NAME) | BIT(STEP_SCRIPT),
                    {"out_file", "error_file", "log_file", "pid_file"}},
};

static bool can_run(const struct build *b, enum step step)
{
    if ((b->done & steps[step].needs) != steps[step].needs)
        return false;
    if (!b->failed)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(steps[step].attributes) && steps[step].attributes[i]; i++) {
        if (b->is_bad[schema_find(steps[step].attributes[i]) - schema_rows])
            return false;
    }
    return true;
}

static void run_step(struct build *b, enum step step)
{
    struct err e = {0};
    b->at = steps[step].attributes[0];
    if (!can_run(b, step))
        return;
    if (steps[step].run(b, &e) < 0)
        fail(b, b->at, &e);
    else
        b->done |= BIT(step);
}

static void check_options(struct build *b)
{
    struct err e = {0};
    AUTO_JSON none = json_object();
    b->env_from = b->is_check ? NULL : json_object();
    b->options = schema_check(b->rq->options ? b->rq->options : none, !b->is_check, on_finding, b);
    if (!b->options || (!b->env_from && !b->is_check)) {
        if (!b->failed)
            fail(b, "", &e);
        b->failed = true;
        return;
    }
    const char *ns = json_get_str(b->options, "namespace");
    if (ns && !*ns)
        json_object_del(b->options, "namespace");
    const char *var = json_get_str(b->options, "instance_var");
    if (var && !*var && put(b->options, "instance_var", json_string("NODE_APP_INSTANCE"), &e) < 0)
        fail(b, "instance_var", &e);
    b->typed = b->rq->script ? b->rq->script : json_get_str(b->options, "script");
    if (set_args(b->options, b->rq->args, &e) < 0)
        fail(b, "args", &e);
}

static void run_steps(struct build *b)
{
    check_options(b);
    for (size_t i = 0; i < STEP_COUNT && b->options; i++)
        run_step(b, (enum step)i);
    if (!b->failed && b->node_arg)
        warn(b, "script", "TypeScript without bun needs Node.js 22.6 or newer");
}

json_t *conf_build(const struct app_request *rq, const struct app_world *w, conf_note_fn *note,
                   void *ctx)
{
    struct build b = {.rq = rq, .w = w, .note = note, .ctx = ctx};
    struct err e = {0};
    json_t *conf = NULL;
    run_steps(&b);
    if (!b.failed && !(conf = assemble(&b, &e)))
        fail(&b, "", &e);
    build_fini(&b);
    return conf;
}

void conf_examine(const struct app_request *rq, const struct app_world *w, conf_note_fn *note,
                  void *ctx)
{
    struct build b = {.rq = rq, .w = w, .note = note, .ctx = ctx, .is_check = true};
    run_steps(&b);
    build_fini(&b);
}
