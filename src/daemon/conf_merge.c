/* SPDX-License-Identifier: MIT
 * Changing the configuration of a process. Runs in pm2d. */
#include "conf_merge.h"

#include <errno.h>

#include "extras.h"
#include "journal.h"
#include "pkgversion.h"
#include "secret_store.h"
#include "sockets.h"
#include "json/read.h"

void conf_merge_env(json_t *conf, const json_t *given)
{
    const char *key;
    json_t *value;
    json_t *env = json_copy(json_object_get(conf, "env"));
    if (!env)
        env = json_object();
    json_object_foreach ((json_t *)given, key, value)
        if (!json_is_object(value))
            json_object_set(env, key, value);
    json_object_set_new(conf, "env", env);
}

void conf_set_proc(struct proc *p, json_t *take_conf)
{
    json_decref(p->conf);
    p->conf = take_conf;
    secret_seal(p->env, p->conf);
    pkgversion_find(json_get_str(p->conf, "pm_exec_path"), p->version, sizeof(p->version));
    proc_policy_refresh(p);
    extras_changed(p);
    journal_app(p->env->journal, p);
}

/* A path that was just given has no number yet. Takes `conf`. */
static json_t *numbered(json_t *take_conf, int id, struct err *e)
{
    if (take_conf && app_conf_number_paths(take_conf, id) == 0)
        return take_conf;
    json_decref(take_conf);
    err_set(e, -ENOMEM, "out of memory");
    return NULL;
}

json_t *conf_updated(const struct proc *p, const struct app_request *rq, const struct app_world *w,
                     struct err *e)
{
    json_t *conf = json_deep_copy(p->conf);
    if (conf && app_conf_update(conf, rq, w, e) < 0) {
        json_decref(conf);
        return NULL;
    }
    return numbered(conf, p->id, e);
}

json_t *conf_renewed(const struct proc *p, const json_t *want, struct err *e)
{
    return numbered(app_conf_renew(p->conf, want), p->id, e);
}

/* Not one with which it could not listen. `take_conf` NULL: `e` says why. */
static int set_if_possible(struct proc *p, json_t *take_conf, struct err *e)
{
    if (!take_conf)
        return e->code;
    int rc = sockets_check(p->env->sockets, take_conf, p, e);
    if (rc == 0)
        conf_set_proc(p, take_conf);
    else
        json_decref(take_conf);
    return rc;
}

int conf_update_proc(struct proc *p, const struct app_request *rq, const struct app_world *w,
                     struct err *e)
{
    return set_if_possible(p, conf_updated(p, rq, w, e), e);
}

int conf_replace_proc(struct proc *p, const json_t *want, struct err *e)
{
    return set_if_possible(p, conf_renewed(p, want, e), e);
}
