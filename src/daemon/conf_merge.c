/* SPDX-License-Identifier: MIT
 * Changing the configuration of a process. Runs in pm2d. */
#include "conf_merge.h"

#include <errno.h>

#include "extras.h"
#include "journal.h"
#include "pkgversion.h"
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

int conf_update_proc(struct proc *p, const struct app_request *rq, const struct app_world *w,
                     struct err *e)
{
    int rc = app_conf_update(p->conf, rq, w, e);
    if (rc < 0)
        return rc;
    /* A path that was just given has no number yet. */
    if (app_conf_number_paths(p->conf, p->id) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    proc_policy_refresh(p);
    extras_changed(p);
    journal_app(p->env->journal, p);
    return 0;
}

int conf_replace_proc(struct proc *p, const json_t *want, struct err *e)
{
    AUTO_JSON conf = app_conf_renew(p->conf, want);
    if (!conf || app_conf_number_paths(conf, p->id) < 0)
        return err_set(e, -ENOMEM, "out of memory");
    json_decref(p->conf);
    p->conf = json_incref(conf);
    pkgversion_find(json_get_str(conf, "pm_exec_path"), p->version, sizeof(p->version));
    proc_policy_refresh(p);
    extras_changed(p);
    journal_app(p->env->journal, p);
    return 0;
}
