/* SPDX-License-Identifier: MIT
 * Resources of an app. Runs in pm2d. */
#include "resources.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "os/cgroup.h"
#include "json/read.h"

/* From this version of the link on the keeper knows what we ask for. */
#define LINK_VERSION_RESOURCES 2

static const struct {
    const char *key;
    uint32_t resource;
} rlimit_keys[] = {
    {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"cpu", RLIMIT_CPU},
    {"core", RLIMIT_CORE},     {"as", RLIMIT_AS},       {"memlock", RLIMIT_MEMLOCK},
    {"stack", RLIMIT_STACK},   {"fsize", RLIMIT_FSIZE},
};
_Static_assert(ARRAY_LEN(rlimit_keys) <= LIMIT_LINK_RLIMITS, "one request must hold them all");

static const struct {
    const char *key, *controller, *file;
} cgroup_keys[] = {
    {"memory_max", "memory", "memory.max"},
    {"memory_high", "memory", "memory.high"},
    {"cpu_max", "cpu", "cpu.max"},
    {"pids_max", "pids", "pids.max"},
};

/* ---- nice and rlimits ---- */

static uint64_t limit_value(const json_t *value)
{
    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : RLIM_INFINITY;
}

int resources_ask(const struct proc *p, struct link_spawn *s, struct link_rlimit *rlimits,
                  struct err *e)
{
    int64_t nice;
    if (json_get_int(p->conf, "nice", &nice)) {
        s->flags |= LINK_SPAWN_SET_NICE;
        s->nice = (int32_t)nice;
    }
    const json_t *wanted = json_object_get(p->conf, "rlimits");
    for (size_t i = 0; i < ARRAY_LEN(rlimit_keys); i++) {
        const json_t *pair = json_object_get(wanted, rlimit_keys[i].key);
        if (json_array_size(pair) == 2)
            rlimits[s->rlimit_count++] =
                (struct link_rlimit){rlimit_keys[i].resource, limit_value(json_array_get(pair, 0)),
                                     limit_value(json_array_get(pair, 1))};
    }
    s->rlimits = rlimits;
    bool is_asking = s->rlimit_count > 0 || (s->flags & LINK_SPAWN_SET_NICE);
    if (is_asking && link_version(p->env->link) < LINK_VERSION_RESOURCES)
        return err_set(e, -ENOTSUP,
                       "nice and rlimits: the running keeper is of an older release; pm2 kill "
                       "ends it");
    return 0;
}

/* ---- where cgroups can be ---- */

static int find_base(char *base, size_t size, struct err *e)
{
    const char *wish = getenv("PM2_CGROUP"); /* "off": never; or the folder to use */
    if (wish && strcmp(wish, "off") == 0)
        return err_set(e, -ENOENT, "PM2_CGROUP is off");
    if (!wish || wish[0] != '/')
        return cgroup_base(base, size, e);
    if ((size_t)snprintf(base, size, "%s", wish) >= size)
        return err_set(e, -ENAMETOOLONG, "PM2_CGROUP is too long");
    return access(base, W_OK) < 0 ? err_set(e, -errno, "%s: %s", base, err_text(errno)) : 0;
}

void resources_find_cgroups(struct proc_env *env)
{
    char base[sizeof(env->cgroup_base) - 32];
    struct err why;
    int rc = find_base(base, sizeof(base), &why);
    if (rc < 0) {
        log_debug("no cgroups: %s", why.msg);
        return;
    }
    snprintf(env->cgroup_base, sizeof(env->cgroup_base), "%s/pm2c-%08x", base,
             str_hash(str_from(env->paths.home)));
    rc = cgroup_make(env->cgroup_base);
    if (rc < 0) {
        log_debug("no cgroups: %s: %s", env->cgroup_base, err_text(rc));
        env->cgroup_base[0] = '\0';
    }
}

static int refuse(struct err *e)
{
    char base[CGROUP_PATH_MAX];
    struct err why;
    if (find_base(base, sizeof(base), &why) == 0)
        err_set(&why, -EACCES, "%s: nothing can be made there", base);
    return err_set(e, -ENOTSUP, "cgroup: no delegated cgroup v2 (%s)", why.msg);
}

/* ---- limits of a cgroup ---- */

/* As the kernel reads it; NULL when it limits nothing. */
static const char *limit_text(const json_t *value, char *room, size_t size)
{
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(room, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = room;
    }
    return text && strcmp(text, "max") != 0 ? text : NULL;
}

static bool has_limits(const struct proc *p)
{
    const json_t *wanted = json_object_get(p->conf, "cgroup");
    char room[32];
    for (size_t i = 0; i < ARRAY_LEN(cgroup_keys); i++)
        if (limit_text(json_object_get(wanted, cgroup_keys[i].key), room, sizeof(room)))
            return true;
    return false;
}

/* Down from the base. In the base we may stand in our own way. */
static int enable(const struct proc_env *env, const char *controller, struct err *e)
{
    char top[CGROUP_PATH_MAX];
    const char *slash = strrchr(env->cgroup_base, '/');
    snprintf(top, sizeof(top), "%.*s", (int)(slash - env->cgroup_base), env->cgroup_base);
    int rc = cgroup_enable(top, controller, e);
    if (rc == -EBUSY) {
        const pid_t ours[] = {link_keeper_pid(env->link), getpid()};
        rc = cgroup_vacate(top, ours, ARRAY_LEN(ours), e);
        if (rc == 0)
            rc = cgroup_enable(top, controller, e);
    }
    return rc < 0 ? rc : cgroup_enable(env->cgroup_base, controller, e);
}

static int set_limits(const struct proc *p, const char *path, bool is_new, struct err *e)
{
    const json_t *wanted = json_object_get(p->conf, "cgroup");
    for (size_t i = 0; i < ARRAY_LEN(cgroup_keys); i++) {
        char room[32];
        const char *text =
            limit_text(json_object_get(wanted, cgroup_keys[i].key), room, sizeof(room));
        if (!text) {
            if (!is_new) /* of the run before; not there when nobody has ever had limits */
                (void)cgroup_set(path, cgroup_keys[i].file, "max");
            continue;
        }
        int rc = enable(p->env, cgroup_keys[i].controller, e);
        if (rc < 0) {
            err_prefix(e, "cgroup.%s", cgroup_keys[i].key);
            return rc;
        }
        rc = cgroup_set(path, cgroup_keys[i].file, text);
        if (rc < 0)
            return err_set(e, rc, "cgroup.%s: cannot write \"%s\" to %s/%s: %s", cgroup_keys[i].key,
                           text, path, cgroup_keys[i].file, err_text(rc));
    }
    return 0;
}

/* Fresh whenever the old one is empty. It must not be one that was killed as a whole: Linux 6.18
 * was seen to kill what is later born into such a cgroup by clone3(2). As cgroup_make(). */
static int make_cgroup(struct proc *p, const char *path)
{
    int rc = p->run_count > 1 ? cgroup_remove(path) : 0;
    if (rc == 0 || rc == -ENOENT)
        p->cgroup_spent = false;
    return p->cgroup_spent ? -EBUSY : cgroup_make(path);
}

int resources_cgroup(struct proc *p, struct link_spawn *s, char *path, size_t size, struct err *e)
{
    bool is_limited = has_limits(p);
    if (!proc_cgroup(p, path, size))
        return is_limited ? refuse(e) : 0;
    int made = make_cgroup(p, path);
    if (made < 0)
        return is_limited ? err_set(e, made, "cgroup: cannot make %s: %s", path, err_text(made))
                          : 0;
    int rc = is_limited || made > 0 ? set_limits(p, path, made == 0, e) : 0;
    if (rc < 0)
        return rc;
    p->oom_kills = is_limited ? cgroup_count(path, "memory.events", "oom_kill") : 0;
    s->cgroup = str_from(path);
    if (is_limited)
        s->flags |= LINK_SPAWN_NEED_CGROUP;
    return 0;
}

/* ---- what the user reads ---- */

static void limit_to_text(char *ret, size_t size, const json_t *value)
{
    if (json_is_integer(value))
        snprintf(ret, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else
        snprintf(ret, size, "unlimited");
}

static void explain_rlimit(struct proc *p, uint32_t resource, const char *verdict, int code)
{
    for (size_t i = 0; i < ARRAY_LEN(rlimit_keys); i++) {
        char soft[32], hard[32];
        if (rlimit_keys[i].resource != resource)
            continue;
        const json_t *pair =
            json_object_get(json_object_get(p->conf, "rlimits"), rlimit_keys[i].key);
        limit_to_text(soft, sizeof(soft), json_array_get(pair, 0));
        limit_to_text(hard, sizeof(hard), json_array_get(pair, 1));
        proc_set_reason(p, "rlimits.%s %s, %s %s: %s", rlimit_keys[i].key, soft, hard, verdict,
                        err_text(code));
    }
}

bool resources_explain(struct proc *p, int code, enum link_stage stage)
{
    const char *verdict =
        abs(code) == EPERM || abs(code) == EACCES ? "is not permitted" : "cannot be set";
    int64_t nice = 0;
    if (stage < LINK_STAGE_CGROUP || stage >= LINK_STAGE_COUNT)
        return false;
    if (stage == LINK_STAGE_CGROUP) {
        proc_set_reason(p, "cgroup: cannot enter it: %s", err_text(code));
    } else if (stage == LINK_STAGE_NICE) {
        (void)json_get_int(p->conf, "nice", &nice);
        proc_set_reason(p, "nice %" PRId64 " %s: %s", nice, verdict, err_text(code));
    } else {
        explain_rlimit(p, stage - LINK_STAGE_RLIMIT, verdict, code);
    }
    return p->reason != NULL;
}

bool resources_ended(struct proc *p)
{
    char path[CGROUP_PATH_MAX];
    int64_t max;
    const json_t *limits = json_object_get(p->conf, "cgroup");
    if (!json_get_int(limits, "memory_max", &max) || !proc_cgroup(p, path, sizeof(path)))
        return false;
    uint64_t kills = cgroup_count(path, "memory.events", "oom_kill");
    if (kills > p->oom_kills)
        log_warn("App [%s:%d] out of memory: the kernel has killed %" PRIu64
                 " of its processes (memory_max %" PRId64 " bytes)",
                 proc_name(p), p->id, kills - p->oom_kills, max);
    return kills > p->oom_kills;
}
