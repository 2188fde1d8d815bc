/* SPDX-License-Identifier: MIT
 * Lists and processes of the public face. Accessors read the answer of the daemon where it lies:
 * a field that is never asked for costs nothing. */
#include "proc_list.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "json/read.h"
#include "json/write.h"

struct pm2_proc {
    const json_t *json; /* borrowed from the list */
    const json_t *env;  /* its pm2_env, likewise; NULL when there is none */
    char *text;         /* what pm2_proc_json() gave out */
};

struct pm2_list {
    unsigned owners;
    size_t count;
    json_t *json;
    struct pm2_proc procs[];
};

/* ---- lists ---- */

struct pm2_list *proc_list_parse(struct str text, struct err *e)
{
    size_t i;
    json_t *one;
    json_t *array = json_read(text, e);
    if (!array)
        return NULL;
    if (!json_is_array(array)) {
        json_decref(array);
        err_set(e, -EPROTO, "the daemon answered something else than a list of processes");
        return NULL;
    }
    struct pm2_list *l = calloc(1, sizeof(*l) + json_array_size(array) * sizeof(l->procs[0]));
    if (!l) {
        json_decref(array);
        err_set(e, -ENOMEM, "out of memory");
        return NULL;
    }
    l->owners = 1;
    l->json = array;
    json_array_foreach (array, i, one)
        if (json_is_object(one))
            l->procs[l->count++] =
                (struct pm2_proc){.json = one, .env = json_object_get(one, "pm2_env")};
    return l;
}

static bool has_id(const json_t *ids, int id)
{
    size_t i;
    json_t *one;
    json_array_foreach (ids, i, one)
        if (json_integer_value(one) == id)
            return true;
    return false;
}

void proc_list_keep(struct pm2_list *l, const json_t *ids)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++)
        if (has_id(ids, pm2_proc_id(&l->procs[i])))
            l->procs[kept++] = l->procs[i];
    l->count = kept;
}

size_t pm2_list_count(const struct pm2_list *l)
{
    return l ? l->count : 0;
}

const struct pm2_proc *pm2_list_at(const struct pm2_list *l, size_t i)
{
    return i < pm2_list_count(l) ? &l->procs[i] : NULL;
}

const struct pm2_proc *pm2_list_find_id(const struct pm2_list *l, int id)
{
    for (size_t i = 0; i < pm2_list_count(l); i++)
        if (pm2_proc_id(&l->procs[i]) == id)
            return &l->procs[i];
    return NULL;
}

const struct pm2_proc *pm2_list_find_name(const struct pm2_list *l, const char *name)
{
    for (size_t i = 0; i < pm2_list_count(l); i++)
        if (strcmp(pm2_proc_name(&l->procs[i]), name) == 0)
            return &l->procs[i];
    return NULL;
}

struct pm2_list *pm2_list_ref(struct pm2_list *l)
{
    if (l)
        l->owners++;
    return l;
}

void pm2_list_free(struct pm2_list *l)
{
    if (!l || --l->owners > 0)
        return;
    for (size_t i = 0; i < l->count; i++)
        free(l->procs[i].text);
    json_decref(l->json);
    free(l);
}

/* ---- processes ---- */

static const char *env_text(const struct pm2_proc *p, const char *key)
{
    const char *text = json_get_str(p->env, key);
    return text ? text : "";
}

static int64_t number_of(const json_t *obj, const char *key, int64_t fallback)
{
    int64_t value;
    return json_get_int(obj, key, &value) ? value : fallback;
}

static int int_of(const json_t *obj, const char *key, int fallback)
{
    int64_t value = number_of(obj, key, fallback);
    return value > INT_MAX ? INT_MAX : value < INT_MIN ? INT_MIN : (int)value;
}

int pm2_proc_id(const struct pm2_proc *p)
{
    return int_of(p->json, "pm_id", -1);
}

int pm2_proc_pid(const struct pm2_proc *p)
{
    return int_of(p->json, "pid", 0);
}

const char *pm2_proc_name(const struct pm2_proc *p)
{
    const char *name = json_get_str(p->json, "name");
    return name ? name : env_text(p, "name");
}

static const struct {
    const char *word;
    enum pm2_status status;
} statuses[] = {
    {"errored", PM2_STATUS_ERRORED},
    {"launching", PM2_STATUS_LAUNCHING},
    {"one-launch-status", PM2_STATUS_ONE_LAUNCH},
    {"online", PM2_STATUS_ONLINE},
    {"stopped", PM2_STATUS_STOPPED},
    {"stopping", PM2_STATUS_STOPPING},
    {"waiting restart", PM2_STATUS_WAITING_RESTART},
};

enum pm2_status pm2_proc_status(const struct pm2_proc *p)
{
    const char *word = env_text(p, "status");
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (strcmp(word, statuses[i].word) == 0)
            return statuses[i].status;
    return PM2_STATUS_UNKNOWN;
}

int pm2_proc_restarts(const struct pm2_proc *p)
{
    return int_of(p->env, "restart_time", 0);
}

int pm2_proc_unstable_restarts(const struct pm2_proc *p)
{
    return int_of(p->env, "unstable_restarts", 0);
}

int pm2_proc_instances(const struct pm2_proc *p)
{
    return int_of(p->env, "instances", 1);
}

int pm2_proc_exit_code(const struct pm2_proc *p)
{
    return int_of(p->env, "exit_code", -1);
}

int64_t pm2_proc_created_at_ms(const struct pm2_proc *p)
{
    return number_of(p->env, "created_at", 0);
}

int64_t pm2_proc_started_at_ms(const struct pm2_proc *p)
{
    return number_of(p->env, "pm_uptime", 0);
}

int64_t pm2_proc_uptime_ms(const struct pm2_proc *p)
{
    struct timespec now;
    int64_t started = pm2_proc_started_at_ms(p);
    if (pm2_proc_pid(p) == 0 || started == 0)
        return 0;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t uptime = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - started;
    return uptime > 0 ? uptime : 0;
}

double pm2_proc_cpu_percent(const struct pm2_proc *p)
{
    return json_number_value(json_object_get(json_object_get(p->json, "monit"), "cpu"));
}

int64_t pm2_proc_memory_bytes(const struct pm2_proc *p)
{
    return number_of(json_object_get(p->json, "monit"), "memory", 0);
}

#define TEXT_FIELD(function, key)                                                                  \
    const char *function(const struct pm2_proc *p)                                                 \
    {                                                                                              \
        return env_text(p, key);                                                                   \
    }

TEXT_FIELD(pm2_proc_namespace, "namespace")
TEXT_FIELD(pm2_proc_status_text, "status")
TEXT_FIELD(pm2_proc_exec_mode, "exec_mode")
TEXT_FIELD(pm2_proc_exec_path, "pm_exec_path")
TEXT_FIELD(pm2_proc_cwd, "pm_cwd")
TEXT_FIELD(pm2_proc_interpreter, "exec_interpreter")
TEXT_FIELD(pm2_proc_out_log, "pm_out_log_path")
TEXT_FIELD(pm2_proc_error_log, "pm_err_log_path")
TEXT_FIELD(pm2_proc_pid_path, "pm_pid_path")
TEXT_FIELD(pm2_proc_user, "username")
TEXT_FIELD(pm2_proc_app_version, "version")

const char *pm2_proc_env(const struct pm2_proc *p, const char *name)
{
    return json_get_str(json_object_get(p->env, "env"), name);
}

const char *pm2_proc_json(const struct pm2_proc *p)
{
    /* A cache: what the caller sees of the process does not change. */
    struct pm2_proc *own = (struct pm2_proc *)p;
    if (own->text)
        return own->text;
    /* Not json_dumps(): the program may have given jansson an allocator of its own. */
    AUTO(buf) text = BUF_INIT;
    struct jw w = jw_to(&text);
    jw_dom(&w, p->json);
    own->text = buf_oom(&text) ? NULL : buf_detach(&text);
    return own->text;
}
