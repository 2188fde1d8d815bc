/* SPDX-License-Identifier: MIT
 * The user and group that an app runs as. Pure: they are looked up through struct app_world. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/conf_priv.h"

/* A user or group as text, whatever way it was given. */
static const char *id_text(const json_t *value, char *text, size_t size)
{
    if (json_is_string(value))
        return *json_string_value(value) ? json_string_value(value) : NULL;
    if (!json_is_number(value))
        return NULL;
    (void)snprintf(text, size, "%.17g", json_number_value(value));
    return text;
}

int conf_set_user(json_t *options, json_t *env, json_t *from, const struct app_world *w,
                  struct err *e)
{
    char uid_text[32], gid_text[32], home[4096] = "";
    const char *user = id_text(json_object_get(options, "uid"), uid_text, sizeof(uid_text));
    const char *group = id_text(json_object_get(options, "gid"), gid_text, sizeof(gid_text));
    if (!user && !group)
        return 0;
    if (!w->is_root)
        return err_set(e, -EPERM, "To use --uid and --gid please run pm2 as root");
    long long uid = -1, gid = -1;
    int rc = w->find_user(w->ctx, user, group, &uid, &gid, home, sizeof(home), e);
    if (rc < 0)
        return rc;
    if ((user && json_object_set_new(options, "uid", json_integer(uid)) < 0) ||
        json_object_set_new(options, "gid", json_integer(gid)) < 0)
        return out_of_memory(e);
    /* PM2 changes HOME but neither USER nor LOGNAME. */
    return user && *home ? env_set_own(env, from, "HOME", json_string(home), ENV_OF_PM2, e) : 0;
}
