/* SPDX-License-Identifier: MIT
 * The agent's file and the variable that names it. Runs in pm2d. */
#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_text.h"
#include "base/log.h"
#include "os/atomic_file.h"
#include "os/program.h"
#include "proc.h"
#include "json/read.h"

#define VARIABLE  "NODE_OPTIONS="
#define INSTALLED "../lib/pm2/agent.cjs" /* from the folder of the programs */

/* With one of these Node may read only what the user names. */
static const char *const forbidding[] = {"--permission", "--experimental-permission",
                                         "--experimental-policy"};

static bool forbids(const char *options)
{
    for (size_t i = 0; options && i < ARRAY_LEN(forbidding); i++)
        if (strstr(options, forbidding[i]))
            return true;
    return false;
}

static bool is_node(const char *interpreter)
{
    const char *base = interpreter ? strrchr(interpreter, '/') : NULL;
    base = base ? base + 1 : interpreter;
    return base && (strcmp(base, "node") == 0 || strcmp(base, "nodejs") == 0);
}

static bool is_off(const json_t *conf)
{
    const json_t *pmx = json_object_get(conf, "pmx");
    return json_is_false(pmx) ||
           (json_is_string(pmx) && strcmp(json_string_value(pmx), "false") == 0);
}

bool agent_is_for(const struct proc *p)
{
    const json_t *args = json_object_get(p->conf, "node_args");
    if (!is_node(json_get_str(p->conf, "exec_interpreter")) || is_off(p->conf))
        return false;
    for (size_t i = 0; i < json_array_size(args); i++)
        if (forbids(json_string_value(json_array_get(args, i))))
            return false;
    return true;
}

/* ---- the file ---- */

static bool is_there(const char *path, size_t size)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == size;
}

/* Files of other releases keep their names. */
static int own_file(const struct proc *p, char *path, size_t size)
{
    struct err e = {0};
    struct str text = {agent_text, sizeof(agent_text) - 1};
    if ((size_t)snprintf(path, size, "%s/agent-%08x.cjs", p->env->paths.home, str_hash(text)) >=
        size)
        return -ENAMETOOLONG;
    if (is_there(path, text.n))
        return 0;
    int rc = file_replace(path, text, &e);
    if (rc < 0)
        log_warn("Node apps run without our agent, and part less politely at a reload: %s", e.msg);
    return rc;
}

/* For apps of others. */
static int installed_file(char *path, size_t size)
{
    struct stat st;
    int rc = program_beside_own(INSTALLED, path, size, NULL);
    return rc < 0 || stat(path, &st) < 0 || !(st.st_mode & S_IROTH) ? -ENOENT : 0;
}

/* ---- the variable ---- */

static void add_quoted(struct buf *out, const char *path)
{
    buf_add_byte(out, '"');
    for (; *path; path++) {
        if (*path == '"' || *path == '\\')
            buf_add_byte(out, '\\');
        buf_add_byte(out, *path);
    }
    buf_add_byte(out, '"');
}

static int set(json_t *env, const char *path)
{
    AUTO(buf) text = BUF_INIT;
    const char *given = "";
    size_t at = json_array_size(env);
    for (size_t i = 0; i < json_array_size(env); i++) {
        const char *entry = json_string_value(json_array_get(env, i));
        if (strncmp(entry, VARIABLE, sizeof(VARIABLE) - 1) != 0)
            continue;
        given = entry + sizeof(VARIABLE) - 1;
        at = i;
    }
    if (forbids(given))
        return 0;
    buf_add_c(&text, VARIABLE "--require ");
    add_quoted(&text, path);
    buf_printf(&text, "%s%s", *given ? " " : "", given);
    json_t *value = buf_oom(&text) ? NULL : json_string(text.data);
    if (!value)
        return -ENOMEM;
    return (at < json_array_size(env) ? json_array_set_new(env, at, value)
                                      : json_array_append_new(env, value)) < 0
               ? -ENOMEM
               : 0;
}

int agent_set_variable(const struct proc *p, json_t *env)
{
    char path[4200];
    if (!agent_is_for(p))
        return 0;
    int rc = json_has(p->conf, "uid") ? installed_file(path, sizeof(path))
                                      : own_file(p, path, sizeof(path));
    return rc < 0 ? 0 : set(env, path);
}

void agent_greet(const struct proc *p)
{
    struct chan *chan = p->run ? p->run->chan : NULL;
    if (agent_is_for(p) && chan_connected(chan) && !chan_is_bun(chan))
        (void)chan_send(chan, STR("{\"cmd\":\"NODE_PM2_HELLO\"}"));
}
