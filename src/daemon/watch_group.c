/* SPDX-License-Identifier: MIT
 * Groups, their paths and their changes. Runs in pm2d. */
#include "watch_group.h"

#include "history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "app/glob.h"
#include "app/glob_rules.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/obj.h"
#include "os/clock.h"
#include "os/watchtree.h"
#include "proc.h"
#include "json/read.h"

#define GROUP_MAGIC OBJ_MAGIC('w', 't', 'c', 'g')

/* Editors and build tools do one thing in several steps. */
#define QUIET_MS 10
/* awaitWriteFinish without a number: chokidar's */
#define WRITE_FINISH_MS 2000
#define QUIET_TURNS     10
/* Folders looked through in one turn of the loop. */
#define FOLDERS_PER_TURN 64

struct watches {
    struct proc_env *env;
    struct watchtree *tree;
    struct list groups;
    uv_poll_t poll;
    uv_idle_t idle; /* runs while there are folders to look through */
    unsigned open_handles;
};

/* One folder or file to watch, with the patterns of which it is the beginning. */
struct target {
    struct watch_group *group;
    char *path;
    struct glob_rules patterns; /* what of it counts */
    struct watch_root *root;
    bool told_missing;
    struct target *next;
};

struct watch_group {
    uint32_t magic;
    struct watches *all;
    struct list link, members;
    char *key, *name;
    struct target *targets;
    struct glob_rules ignored;
    bool ignores_default;
    uv_timer_t timer;
    int64_t delay_ms, quiet_ms;
    int64_t first_ms; /* of the changes that the timer waits for */
    bool again;       /* something changed after a process had been started anew */
};

/* ---- the descriptor ---- */

static void on_handle_closed(uv_handle_t *h)
{
    struct watches *all = h->data;
    if (--all->open_handles > 0)
        return;
    watchtree_free(all->tree);
    free(all);
}

static void watches_close(struct watches *all)
{
    all->env->watches = NULL;
    uv_close((uv_handle_t *)&all->poll, on_handle_closed);
    uv_close((uv_handle_t *)&all->idle, on_handle_closed);
}

static void on_idle(uv_idle_t *h)
{
    struct watches *all = h->data;
    if (!watchtree_work(all->tree, FOLDERS_PER_TURN))
        uv_idle_stop(h);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct watches *all = h->data;
    (void)status;
    (void)events;
    watchtree_read(all->tree);
    if (watchtree_work(all->tree, FOLDERS_PER_TURN))
        uv_idle_start(&all->idle, on_idle);
}

static struct watches *watches_open(struct proc_env *env, struct err *e)
{
    struct watches *all = calloc(1, sizeof(*all));
    struct watchtree *tree = all ? watchtree_new(e) : NULL;
    if (!tree) {
        if (!all)
            err_set(e, -ENOMEM, "out of memory");
        free(all);
        return NULL;
    }
    all->env = env;
    all->tree = tree;
    list_init(&all->groups);
    int rc = uv_poll_init(env->loop, &all->poll, watchtree_fd(tree));
    if (rc < 0) {
        err_set(e, rc, "cannot watch files: %s", uv_strerror(rc));
        watchtree_free(tree);
        free(all);
        return NULL;
    }
    uv_idle_init(env->loop, &all->idle);
    all->poll.data = all->idle.data = all;
    all->open_handles = 2;
    uv_poll_start(&all->poll, UV_READABLE, on_poll);
    env->watches = all;
    return all;
}

/* ---- changes ---- */

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return n > 0 && strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* Files that the process has from us: its output must not restart it. */
static bool is_own_file(const struct watch_group *g, const char *path)
{
    static const char *const keys[] = {"pm_out_log_path", "pm_err_log_path", "pm_log_path",
                                       "pm_pid_path"};
    list_for_each (it, &g->members) {
        const struct watch_member *m = LIST_ENTRY(it, struct watch_member, link);
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            const char *own = json_get_str(m->proc->conf, keys[i]);
            if (own && strcmp(own, path) == 0)
                return true;
        }
    }
    return false;
}

static bool is_ignored(const struct target *t, const char *path)
{
    const struct watch_group *g = t->group;
    const char *home = g->all->env->paths.home;
    const char *below = path + strlen(t->path);
    if (glob_is_editor_file(path) || (g->ignores_default && glob_ignored_by_default(below)) ||
        glob_rules_match(&g->ignored, path))
        return true;
    if ((is_below(path, home) || strcmp(path, home) == 0) && !is_below(t->path, home) &&
        strcmp(t->path, home) != 0)
        return true;
    return is_own_file(g, path);
}

static enum watch_verdict on_verdict(void *ctx, const char *path, bool is_folder)
{
    const struct target *t = ctx;
    if (is_ignored(t, path))
        return WATCH_SKIP;
    if (glob_rules_match(&t->patterns, path))
        return WATCH_COUNT;
    return is_folder && glob_rules_may_match_below(&t->patterns, path) ? WATCH_PASS : WATCH_SKIP;
}

/* Each process once. All are marked first: one may be settled before the next has its order. */
static void restart_members(struct watch_group *g)
{
    list_for_each (it, &g->members)
        LIST_ENTRY(it, struct watch_member, link)->restarting = true;
    struct list todo;
    list_init(&todo);
    list_for_each_safe (it, next, &g->members) {
        list_del(it);
        list_add_tail(&todo, it);
    }
    while (!list_empty(&todo)) {
        struct watch_member *m = LIST_ENTRY(todo.next, struct watch_member, link);
        list_del(&m->link);
        list_add_tail(&g->members, &m->link);
        history_caused(m->proc, "restart", "a watched file changed");
        proc_order(m->proc, ORDER_RESTART, NULL, NULL);
    }
}

static void on_timer(uv_timer_t *h)
{
    struct watch_group *g = OBJ(h->data, struct watch_group, GROUP_MAGIC);
    if (g->all->env->hold_until_ms <= clock_mono_ms())
        restart_members(g);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Once it has been quiet for a while, or after ten times that; not before watch_delay. */
static void arm(struct watch_group *g)
{
    int64_t now = clock_mono_ms();
    if (!uv_is_active((uv_handle_t *)&g->timer))
        g->first_ms = now;
    int64_t latest = g->first_ms + QUIET_TURNS * g->quiet_ms;
    int64_t quiet = now + g->quiet_ms;
    int64_t due = larger(g->first_ms + g->delay_ms, quiet < latest ? quiet : latest);
    uv_timer_start(&g->timer, on_timer, (uint64_t)larger(due - now, 0), 0);
}

/* Some member is being restarted for a change. `ret_started`: one has been started again already,
 * so that what changes now may be news to it. */
static bool is_restarting(const struct watch_group *g, bool *ret_started)
{
    bool restarting = false;
    *ret_started = false;
    list_for_each (it, &g->members) {
        const struct watch_member *m = LIST_ENTRY(it, struct watch_member, link);
        restarting = restarting || m->restarting;
        *ret_started = *ret_started || m->proc->sm.state != PROC_STOPPING;
    }
    return restarting;
}

static void on_changed(void *ctx, const char *path)
{
    struct target *t = ctx;
    struct watch_group *g = t->group;
    bool started;
    t->told_missing = false;
    if (is_restarting(g, &started)) {
        g->again = g->again || started;
        return;
    }
    if (!uv_is_active((uv_handle_t *)&g->timer)) {
        const struct watch_member *m = LIST_ENTRY(g->members.next, struct watch_member, link);
        const char *cwd = json_get_str(m->proc->conf, "pm_cwd");
        const char *shown = cwd && is_below(path, cwd) ? path + strlen(cwd) + 1 : path;
        log_info("Change detected on path %s for app %s - restarting", shown, g->name);
    }
    arm(g);
}

static void on_problem(void *ctx, const char *path, int code)
{
    struct target *t = ctx;
    const struct watch_group *g = t->group;
    if (code == -ENOENT) {
        if (!t->told_missing)
            log_warn("[Watch] %s: %s does not exist; it will be watched once it does", g->name,
                     path);
        t->told_missing = true;
    } else if (code == -ENOSPC) {
        log_warn("[Watch] %s: %s and what comes after it is not watched: the limit of %ld folders "
                 "(fs.inotify.max_user_watches) is reached",
                 g->name, path, watchtree_limit("max_user_watches"));
    } else {
        log_warn("[Watch] %s: %s is not watched: %s", g->name, path, err_text(code));
    }
}

void watch_group_settled(struct watch_member *m)
{
    struct watch_group *g = m->group;
    bool started;
    m->restarting = false;
    if (!g || !g->again || is_restarting(g, &started))
        return;
    g->again = false;
    log_info("Change detected during the restart of app %s - restarting", g->name);
    arm(g);
}

/* ---- settings ---- */

static const json_t *option(const json_t *conf, const char *key)
{
    return json_object_get(json_object_get(conf, "watch_options"), key);
}

/* What makes two processes watch the same. */
static char *group_key(const struct proc *p)
{
    static const char *const keys[] = {"pm_cwd", "watch", "ignore_watch", "watch_options",
                                       "watch_delay"};
    AUTO_JSON all = json_array();
    if (json_array_append_new(all, json_string(proc_name(p))) < 0 ||
        json_array_append_new(all, json_string(proc_namespace(p))) < 0)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        json_t *value = json_object_get(p->conf, keys[i]);
        if (json_array_append(all, value ? value : json_null()) < 0)
            return NULL;
    }
    return json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
}

/* Add a pattern, or each of an array. */
static int add_rules(struct glob_rules *rules, const char *cwd, const json_t *given)
{
    size_t i;
    json_t *item;
    int rc = 0;
    if (json_is_string(given))
        return glob_rules_add(rules, cwd, json_string_value(given));
    json_array_foreach ((json_t *)given, i, item) {
        if (json_is_string(item) && rc == 0)
            rc = glob_rules_add(rules, cwd, json_string_value(item));
    }
    return rc;
}

static struct target *target_of(struct watch_group *g, const char *path)
{
    struct target **at = &g->targets;
    for (; *at; at = &(*at)->next)
        if (strcmp((*at)->path, path) == 0)
            return *at;
    struct target *t = calloc(1, sizeof(*t));
    if (!t || !(t->path = strdup(path))) {
        free(t);
        return NULL;
    }
    t->group = g;
    *at = t;
    return t;
}

/* Where a pattern begins is a target; patterns with the same beginning share it. */
static int add_target(struct watch_group *g, const char *cwd, const char *text)
{
    if (text[0] == '!' && text[1] != '(')
        return glob_rules_add(&g->ignored, cwd, text + 1);
    AUTO(buf) pattern = BUF_INIT;
    AUTO(buf) folder = BUF_INIT;
    glob_absolute(&pattern, cwd, text);
    glob_parent(&folder, pattern.data);
    if (buf_oom(&pattern) || buf_oom(&folder))
        return -ENOMEM;
    struct target *t = target_of(g, folder.data);
    if (!t)
        return -ENOMEM;
    /* A plain path is a rule for all that is below it, so nothing is lost when it shares. */
    return glob_rules_add(&t->patterns, cwd, text);
}

static int add_targets(struct watch_group *g, const char *cwd, const json_t *watch)
{
    size_t i;
    json_t *item;
    int rc = 0;
    if (json_is_string(watch))
        return add_target(g, cwd, json_string_value(watch));
    json_array_foreach ((json_t *)watch, i, item) {
        if (json_is_string(item) && rc == 0)
            rc = add_target(g, cwd, json_string_value(item));
    }
    return rc == 0 && !g->targets ? add_target(g, cwd, ".") : rc;
}

static int group_configure(struct watch_group *g, const json_t *conf)
{
    const char *cwd = json_get_str(conf, "pm_cwd");
    const json_t *ignored = option(conf, "ignored");
    const json_t *await = option(conf, "awaitWriteFinish");
    if (!json_truthy(ignored))
        ignored = json_object_get(conf, "ignore_watch");
    g->ignores_default = !ignored || !(json_is_array(ignored) || json_truthy(ignored));
    if (!json_get_int(conf, "watch_delay", &g->delay_ms) || g->delay_ms < 0)
        g->delay_ms = 0;
    g->quiet_ms = QUIET_MS;
    if (json_truthy(await) && (!json_get_int(await, "stabilityThreshold", &g->quiet_ms) ||
                               g->quiet_ms < 0 || g->quiet_ms > LIMIT_DELAY_MS))
        g->quiet_ms = WRITE_FINISH_MS;
    int rc = add_rules(&g->ignored, cwd ? cwd : "/", ignored);
    if (rc == 0)
        rc = add_targets(g, cwd ? cwd : "/", json_object_get(conf, "watch"));
    return rc;
}

static int group_begin(struct watch_group *g, const json_t *conf)
{
    const json_t *links = option(conf, "followSymlinks");
    int64_t depth = -1;
    (void)json_get_int(json_object_get(conf, "watch_options"), "depth", &depth);
    for (struct target *t = g->targets; t; t = t->next) {
        struct watch_ops ops = {.verdict = on_verdict,
                                .changed = on_changed,
                                .problem = on_problem,
                                .ctx = t,
                                .max_depth = depth > INT32_MAX ? -1 : (int)depth,
                                .follow_links = !links || json_truthy(links)};
        t->root = watchtree_add(g->all->tree, t->path, &ops);
        if (!t->root)
            return -ENOMEM;
    }
    uv_idle_start(&g->all->idle, on_idle);
    return 0;
}

/* ---- groups ---- */

static void on_timer_closed(uv_handle_t *h)
{
    struct watch_group *g = OBJ(h->data, struct watch_group, GROUP_MAGIC);
    free(g->key);
    free(g->name);
    free(g);
}

static void group_close(struct watch_group *g)
{
    struct watches *all = g->all;
    while (g->targets) {
        struct target *t = g->targets;
        g->targets = t->next;
        watchtree_remove(t->root);
        glob_rules_fini(&t->patterns);
        free(t->path);
        free(t);
    }
    glob_rules_fini(&g->ignored);
    list_del(&g->link);
    uv_close((uv_handle_t *)&g->timer, on_timer_closed);
    if (list_empty(&all->groups))
        watches_close(all);
}

static struct watch_group *group_new(struct watches *all, const struct proc *p, char *take_key)
{
    struct watch_group *g = calloc(1, sizeof(*g));
    char *name = strdup(proc_name(p));
    if (!g || !name) {
        free(g);
        free(name);
        free(take_key);
        return NULL;
    }
    g->magic = GROUP_MAGIC;
    g->all = all;
    g->key = take_key;
    g->name = name;
    list_init(&g->members);
    list_add_tail(&all->groups, &g->link);
    uv_timer_init(all->env->loop, &g->timer);
    g->timer.data = g;
    return g;
}

static struct watch_group *group_find(struct watches *all, const char *key)
{
    list_for_each (it, &all->groups) {
        struct watch_group *g = LIST_ENTRY(it, struct watch_group, link);
        if (strcmp(g->key, key) == 0)
            return g;
    }
    return NULL;
}

/* Make the group; `m` is its first member already, so that what is asked about it can be told. */
static int group_open(struct watches *all, struct watch_member *m, char *take_key)
{
    struct watch_group *g = group_new(all, m->proc, take_key);
    if (!g)
        return -ENOMEM;
    m->group = g;
    list_add_tail(&g->members, &m->link);
    int rc = group_configure(g, m->proc->conf);
    return rc < 0 ? rc : group_begin(g, m->proc->conf);
}

bool watch_group_join(struct watch_member *m)
{
    struct err e = {0};
    struct proc_env *env = m->proc->env;
    char *key = group_key(m->proc);
    struct watches *all = env->watches;
    if (key && !all)
        all = watches_open(env, &e);
    struct watch_group *g = all && key ? group_find(all, key) : NULL;
    if (g) {
        free(key);
        m->group = g;
        list_add_tail(&g->members, &m->link);
        return true;
    }
    int rc = all && key ? group_open(all, m, key) : e.code ? e.code : -ENOMEM;
    if (!all)
        free(key);
    if (rc < 0) {
        log_warn("[Watch] %s is not watched: %s", proc_name(m->proc),
                 e.code ? e.msg : err_text(rc));
        watch_group_leave(m);
        if (env->watches && list_empty(&env->watches->groups))
            watches_close(env->watches);
    }
    return rc >= 0;
}

void watch_group_leave(struct watch_member *m)
{
    struct watch_group *g = m->group;
    m->restarting = false;
    m->group = NULL;
    if (!g)
        return;
    list_del(&m->link);
    if (list_empty(&g->members))
        group_close(g);
}

bool watch_group_fits(const struct watch_member *m)
{
    char *key = group_key(m->proc);
    bool fits = key && m->group && strcmp(key, m->group->key) == 0;
    free(key);
    return fits;
}
