/* SPDX-License-Identifier: MIT
 * The setting pm2:redact. */
#include "cli/redact.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/settings_file.h"
#include "json/read.h"

#define USUAL_NAMES                                                                                \
    "secret|passw|passphrase|token|credential|api_?key|private_?key|access_?key|_key$|_auth$"
#define SHOWN "***"

int redact_init(struct redact *r, struct cli *cli)
{
    *r = (struct redact){0};
    AUTO_JSON settings = settings_file_read(cli);
    if (!settings)
        return 1;
    const json_t *value = json_object_get(json_object_get(settings, "pm2"), "redact");
    const char *pattern = json_string_value(value);
    if (json_is_true(value) || (pattern && strcmp(pattern, "true") == 0))
        pattern = USUAL_NAMES;
    if (!pattern || !*pattern || strcmp(pattern, "false") == 0)
        return 0;
    int rc = regcomp(&r->names, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB);
    if (rc != 0) {
        char why[128];
        (void)regerror(rc, &r->names, why, sizeof(why));
        ui_error(&cli->ui, "the setting pm2:redact is no regular expression: %s: %s", pattern, why);
        return 1;
    }
    r->is_on = true;
    return 0;
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
        if (!is_secret(r, name) || json_is_object(value))
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
