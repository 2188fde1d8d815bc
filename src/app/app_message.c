/* SPDX-License-Identifier: MIT
 * The words of apps. Runs in pm2d; no I/O. */
#include "app/app_message.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "json/read.h"

/* What `data` has to be, beside something. */
enum need { NEED_OBJECT, NEED_ACTION, NEED_ID, NEED_ANY };

static const struct {
    const char *type;
    enum need need;
} known[] = {
    {"axm:action", NEED_ACTION},
    {"axm:monitor", NEED_OBJECT},
    {"axm:option:configuration", NEED_OBJECT},
    {"axm:reply", NEED_ACTION},
    {"process:exception", NEED_OBJECT},
    {"process:msg", NEED_ANY},
    {APP_MESSAGE_PROCESS, NEED_ID},
};

static const char *const taken_prefixes[] = {"axm:", "process:", "pm2:", "log:"};

static bool has_taken_prefix(const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(taken_prefixes); i++)
        if (str_starts(str_from(type), str_from(taken_prefixes[i])))
            return true;
    return false;
}

static int check_data(const char *type, const json_t *data, enum need need, struct err *e)
{
    const char *action = json_get_str(data, "action_name");
    int64_t id;
    if (need != NEED_ANY && !json_is_object(data))
        return err_set(e, -EINVAL, "%s: data: expected an object, got %s", type,
                       json_type_name(data));
    if (need == NEED_ACTION && (!action || !*action))
        return err_set(e, -EINVAL, "%s: data.action_name: expected a name", type);
    if (need == NEED_ID && !json_get_int(data, "pm_id", &id))
        return err_set(e, -EINVAL, "%s: data.pm_id: expected the number of a process", type);
    return 0;
}

static int check_typed(const char *type, const json_t *data, struct err *e)
{
    if (!json_truthy(data)) /* PM2 takes such a message for one without a type */
        return err_set(e, -EINVAL, "%.64s: data is missing, or null, false, 0 or \"\"", type);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(type, known[i].type) == 0)
            return check_data(type, data, known[i].need, e);
    if (has_taken_prefix(type))
        return err_set(e, -EINVAL, "%.64s: no such type; names that begin so are PM2's", type);
    return 0;
}

int app_message_check(const json_t *value, struct err *e)
{
    const char *word = json_string_value(value);
    const char *type = json_get_str(value, "type");
    if (word && strcmp(word, "ready") == 0)
        return 0;
    if (word)
        return err_set(e, -EINVAL, "\"%.64s\": the only word is \"ready\"", word);
    if (!json_is_object(value))
        return err_set(e, -EINVAL, "expected \"ready\" or an object with type and data, got %s",
                       json_type_name(value));
    if (!type || !*type)
        return err_set(e, -EINVAL, "type: expected a text that is not empty");
    return check_typed(type, json_object_get(value, "data"), e);
}
