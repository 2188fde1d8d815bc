/* SPDX-License-Identifier: MIT
 * The command line of a conf. Pure. The script itself is the program or the main module: there is
 * no wrapper as in PM2, so that argv, require.main and "kill -0" see what the user wrote. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "base/buf.h"
#include "base/limits.h"
#include "json/read.h"

/* Add the strings of an array, each with its NUL. `args` as one string is one argument (PM2). */
static int add_list(struct buf *text, size_t *count, const json_t *conf, const char *key,
                    struct err *e)
{
    const json_t *list = json_object_get(conf, key);
    size_t n = json_is_string(list) ? 1 : json_array_size(list);
    if (n > LIMIT_ARGS)
        return err_set(e, -E2BIG, "\"%s\" has %zu elements; the limit is %d", key, n, LIMIT_ARGS);
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_is_string(list) ? list : json_array_get(list, i));
        if (!s)
            return err_set(e, -EINVAL, "%s[%zu]: expected a string", key, i);
        buf_add(text, s, strlen(s) + 1);
    }
    *count += n;
    return 0;
}

/* All strings one behind the other; the first is the file. */
static int collect(struct buf *text, size_t *count, const json_t *conf, struct err *e)
{
    const char *script = json_get_str(conf, "pm_exec_path");
    const char *interpreter = json_get_str(conf, "exec_interpreter");
    if (!script || script[0] != '/')
        return err_set(e, -EINVAL, "pm_exec_path: expected an absolute path");
    if (interpreter && strncmp(interpreter, "node@", 5) == 0)
        return err_set(e, -ENOSYS, "interpreter %s is not available yet", interpreter);
    int rc = 0;
    if (interpreter && *interpreter && strcmp(interpreter, "none") != 0) {
        buf_add(text, interpreter, strlen(interpreter) + 1);
        (*count)++;
        rc = add_list(text, count, conf, "node_args", e);
    }
    buf_add(text, script, strlen(script) + 1);
    (*count)++;
    return rc < 0 ? rc : add_list(text, count, conf, "args", e);
}

int app_command_from_conf(const json_t *conf, struct app_command *ret, struct err *e)
{
    *ret = (struct app_command){0};
    AUTO(buf) text = BUF_INIT;
    size_t count = 0;
    int rc = collect(&text, &count, conf, e);
    if (rc < 0)
        return rc;
    /* One block: the vector, then the strings. */
    size_t vector_bytes = (count + 1) * sizeof(char *);
    char **argv = buf_oom(&text) ? NULL : malloc(vector_bytes + text.len);
    if (!argv)
        return out_of_memory(e);
    char *p = (char *)argv + vector_bytes;
    memcpy(p, text.data, text.len);
    for (size_t i = 0; i < count; i++) {
        argv[i] = p;
        p += strlen(p) + 1;
    }
    argv[count] = NULL;
    *ret = (struct app_command){.file = argv[0], .argv = argv, .argc = count, .memory = argv};
    return 0;
}

void app_command_fini(struct app_command *c)
{
    free(c->memory);
    *c = (struct app_command){0};
}
