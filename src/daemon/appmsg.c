/* SPDX-License-Identifier: MIT
 * Messages of apps. Runs in pm2d. */
#include "appmsg.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "events.h"
#include "journal.h"
#include "proc_json.h"
#include "trigger.h"
#include "json/read.h"

typedef void axm_fn(struct proc *p, const json_t *data);

bool appmsg_add_action(struct proc *p, const json_t *action)
{
    const char *name = json_get_str(action, "action_name");
    if (!name || trigger_has_action(p, name))
        return false;
    if (!p->axm_actions)
        p->axm_actions = json_array();
    if (json_array_size(p->axm_actions) >= LIMIT_AXM_ACTIONS ||
        json_dumpb(action, NULL, 0, JSON_COMPACT) > LIMIT_AXM_ACTION_BYTES) {
        log_warn("App [%s:%d] registers too many actions, or too much of one; %.64s is ignored",
                 proc_name(p), p->id, name);
        return false;
    }
    return json_array_append_new(p->axm_actions, json_deep_copy(action)) == 0;
}

/* Who registers it does so once, and also the next pm2d shall know it. One of our agent's, whose
 * names @pm2/io brings as well, is the app's from then on. */
static void axm_action(struct proc *p, const json_t *data)
{
    const char *name = json_get_str(data, "action_name");
    bool is_taken_over = name && json_object_del(p->agent_actions, name) == 0;
    if (appmsg_add_action(p, data) || is_taken_over)
        journal_action(p->env->journal, p, data);
}

/* Merge `data` into *map unless the result would be over the cap. */
static void merge_capped(struct proc *p, json_t **map, const json_t *data)
{
    if (!json_is_object(data))
        return;
    if (!*map)
        *map = json_object();
    size_t size = json_dumpb(*map, NULL, 0, JSON_COMPACT) + json_dumpb(data, NULL, 0, JSON_COMPACT);
    if (size > LIMIT_AXM_BYTES) {
        log_warn("App [%s:%d] sends more metrics or options than are kept", proc_name(p), p->id);
        return;
    }
    json_object_update(*map, (json_t *)data);
}

static void axm_monitor(struct proc *p, const json_t *data)
{
    merge_capped(p, &p->axm_monitor, data);
}

static void axm_configuration(struct proc *p, const json_t *data)
{
    merge_capped(p, &p->axm_options, data);
}

static void axm_set_pid(struct proc *p, const json_t *data)
{
    (void)p;
    (void)data; /* PM2 swallows it as well */
}

static const struct {
    const char *type;
    axm_fn *take;
} axm_table[] = {
    {"axm:action", axm_action},
    {"axm:monitor", axm_monitor},
    {"axm:option:configuration", axm_configuration},
    {"axm:option:setPID", axm_set_pid},
};

static bool take_axm(struct proc *p, const json_t *value)
{
    const char *type = json_get_str(value, "type");
    const json_t *data = json_object_get(value, "data");
    if (!type || !json_truthy(data))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(axm_table); i++) {
        if (strcmp(type, axm_table[i].type) != 0)
            continue;
        axm_table[i].take(p, data);
        return true;
    }
    return false;
}

void appmsg_agent(struct proc *p, const json_t *value)
{
    size_t i;
    json_t *action;
    AUTO_JSON options = json_copy(json_object_get(value, "options"));
    if (json_is_object(options)) {
        json_object_set_new(options, "module_version", json_string(PM2_COMPAT_VERSION));
        axm_configuration(p, options);
    }
    if (!p->agent_actions)
        p->agent_actions = json_object();
    json_array_foreach (json_object_get(value, "actions"), i, action) {
        if (appmsg_add_action(p, action))
            json_object_set_new(p->agent_actions, json_get_str(action, "action_name"), json_true());
    }
}

void appmsg_take(struct proc *p, const json_t *value, struct str line)
{
    if (take_axm(p, value))
        return;
    const char *version = json_get_str(value, "node_version");
    bool typed =
        json_truthy(json_object_get(value, "type")) && json_truthy(json_object_get(value, "data"));
    if (version && !typed) {
        snprintf(p->node_version, sizeof(p->node_version), "%s", version);
        return;
    }
    bool ready = json_is_string(value) && strcmp(json_string_value(value), "ready") == 0;
    event_app_message(p, value, line);
    if (typed && json_is_string(json_object_get(value, "type")) &&
        strcmp(json_get_str(value, "type"), "axm:reply") == 0)
        trigger_reply(p, json_object_get(value, "data"));
    if (ready)
        proc_ready(p);
}
