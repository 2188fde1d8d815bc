/* SPDX-License-Identifier: MIT
 * The setting pm2:redact. */
#include "cli/redact.h"

#include <string.h>

#include "app/secret.h"
#include "cli/cli.h"
#include "cli/settings_file.h"
#include "json/read.h"

#define SHOWN "***"

int redact_init(struct redact *r, struct cli *cli)
{
    *r = (struct redact){0};
    AUTO_JSON settings = settings_file_read(cli);
    if (!settings)
        return 1;
    struct err e = {0};
    int rc =
        secret_names(json_object_get(json_object_get(settings, "pm2"), "redact"), &r->names, &e);
    if (rc < 0)
        ui_error(&cli->ui, "the setting pm2:redact is %s", e.msg);
    r->is_on = rc > 0;
    return rc < 0;
}

void redact_fini(struct redact *r)
{
    if (r->is_on)
        regfree(&r->names);
    r->is_on = false;
}

static bool is_secret(const struct redact *r, const char *name)
{
    return regexec(&r->names, name, 0, NULL, 0) == 0;
}

void redact_env(const struct redact *r, json_t *pm2_env)
{
    const char *name;
    json_t *value;
    json_t *env = json_object_get(pm2_env, "env");
    if (!r->is_on)
        return;
    json_object_foreach (env, name, value) {
        if (!is_secret(r, name) || json_is_object(value) ||
            secret_is_reference(json_string_value(value)))
            continue;
        /* Replacing the value of a name that is there does not disturb the walk. */
        json_object_set_new(env, name, json_string(SHOWN));
        if (json_has(pm2_env, name))
            json_object_set_new(pm2_env, name, json_string(SHOWN));
    }
}

void redact_list(const struct redact *r, json_t *list)
{
    size_t i;
    json_t *proc;
    json_array_foreach (list, i, proc)
        redact_env(r, json_object_get(proc, "pm2_env"));
}
