/* SPDX-License-Identifier: MIT
 * Choice of interpreter. Pure. */
#include "app/interp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/conf_priv.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/read.h"

#define DEFAULT_PATH  "/usr/local/bin:/usr/bin:/bin"
#define HEAD_BYTES    512
#define PACKAGE_BYTES 65536

static const struct {
    const char *extension;
    const char *programs[2]; /* the first that is there */
    const char *second_arg;  /* argument of the second program */
} by_extension[] = {
    {".js", {"node"}, NULL},
    {".py", {"python", "python3"}, NULL},
    {".sh", {"bash"}, NULL},
    {".rb", {"ruby"}, NULL},
    {".php", {"php"}, NULL},
    {".pl", {"perl"}, NULL},
    {".tsx", {"bun"}, NULL},
    /* Node.js strips types by itself from 22.18 on and with this flag from 22.6 on. PM2 asks its
     * own Node.js for the version; an older one says at once that it does not know the flag. */
    {".ts", {"bun", "node"}, "--experimental-strip-types"},
    {".coffee", {"coffee"}, NULL},
    {".ls", {"lsc"}, NULL},
};

/* ---- programs ---- */

static char *find_in_folder(struct str folder, const char *name, const struct interp_place *place,
                            const struct app_world *w)
{
    AUTO(buf) joined = BUF_INIT;
    /* An empty part of PATH is the current folder, as for every shell. */
    buf_add_str(&joined, folder.n ? folder : STR("."));
    buf_add_byte(&joined, '/');
    buf_add_c(&joined, name);
    char *path = buf_oom(&joined) ? NULL : path_resolve(place->cwd, joined.data, NULL);
    if (path && w->is_executable(w->ctx, path))
        return path;
    free(path);
    return NULL;
}

char *interp_find(const char *name, const struct interp_place *place, const struct app_world *w)
{
    if (strchr(name, '/')) {
        char *path = path_resolve(place->cwd, name, NULL);
        if (path && w->is_executable(w->ctx, path))
            return path;
        free(path);
        return NULL;
    }
    if (!*name)
        return NULL;
    const char *p = place->path ? place->path : DEFAULT_PATH;
    for (;;) {
        size_t n = strcspn(p, ":");
        char *found = find_in_folder((struct str){p, n}, name, place, w);
        if (found || p[n] == '\0')
            return found;
        p += n + 1;
    }
}

static int not_available(const char *name, struct err *e)
{
    return err_set(e, -ENOENT,
                   "Interpreter %s is NOT AVAILABLE in PATH. (type 'which %s' to double check.)",
                   name, name);
}

int interp_check(const char *name, const struct interp_place *place, const char *caller_cwd,
                 const struct app_world *w, char **ret, struct err *e)
{
    if (strncmp(name, "node@", 5) == 0)
        return err_set(e, -ENOSYS, "interpreter %s is not available yet", name);
    bool is_none = strcmp(name, "none") == 0;
    char *found = is_none ? NULL : interp_find(name, place, w);
    if (is_none || found) {
        free(found);
        *ret = strdup(name);
    } else {
        struct interp_place caller = {.path = "", .cwd = caller_cwd};
        *ret = strchr(name, '/') ? interp_find(name, &caller, w) : NULL;
        if (!*ret)
            return not_available(name, e);
    }
    return *ret ? 0 : out_of_memory(e);
}

bool interp_can_cluster(const char *interpreter)
{
    const char *slash = strrchr(interpreter, '/');
    struct str base = str_from(slash ? slash + 1 : interpreter);
    return str_ends(base, STR("node")) || str_ends(base, STR("bun"));
}

/* ---- contents ---- */

/* Length of the UTF-8 sequence at `p`; 0 when it is none. One that the end of the head cuts is
 * taken as whole. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    size_t want = p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    for (size_t i = 1; i < want && i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return want < n ? want : n * (want > 0);
}

bool interp_is_binary(const void *head, size_t n)
{
    const unsigned char *p = head;
    size_t odd = 0;
    for (size_t i = 0; i < n;) {
        size_t step = 1;
        if (p[i] == 0)
            return true;
        if (p[i] >= 0x80) {
            step = utf8_length(p + i, n - i);
            odd += step == 0;
            step += step == 0;
        } else if (p[i] == 0x7F || (p[i] < 0x20 && !strchr("\a\b\t\n\v\f\r\033", p[i]))) {
            odd++;
        }
        i += step;
    }
    return odd * 10 > n;
}

/* The "#!" line names node, directly or through env. */
static bool shebang_is_node(const char *head)
{
    size_t n = strcspn(head, "\r\n");
    for (const char *p = head; (p = memmem(p, n - (size_t)(p - head), "node", 4)) != NULL; p++) {
        if ((p[-1] == '/' || p[-1] == ' ') && (p[4] == '\0' || strchr(" \r\n\t", p[4])))
            return true;
    }
    return false;
}

/* ---- choice ---- */

/* PM2 shows the absolute path of its own Node.js where it falls back to it; ours is that of PATH.
 */
static int choose_node(const struct interp_place *place, const struct app_world *w, char **ret,
                       struct err *e)
{
    *ret = interp_find("node", place, w);
    return *ret ? 0 : not_available("node", e);
}

static int choose_none(const char *script, const struct app_world *w, char **ret, struct err *e)
{
    if (!w->is_executable(w->ctx, script))
        return err_set(e, -EACCES,
                       "cannot execute %s: Permission denied (EACCES): the file is a "
                       "program but not executable (chmod +x)",
                       script);
    *ret = strdup("none");
    return *ret ? 0 : out_of_memory(e);
}

static int choose_by_content(const char *script, const struct interp_place *place,
                             const struct app_world *w, char **ret, struct err *e)
{
    char head[HEAD_BYTES + 1];
    long n = w->read_head(w->ctx, script, head, HEAD_BYTES);
    if (n < 0) {
        /* A program needs no read permission. */
        if (w->is_executable(w->ctx, script))
            return choose_none(script, w, ret, e);
        return err_set(e, (int)n, "cannot read %s: %s", script, err_text((int)n));
    }
    head[n] = '\0';
    if (interp_is_binary(head, (size_t)n))
        return choose_none(script, w, ret, e);
    if (strncmp(head, "#!", 2) == 0 && !shebang_is_node(head) && w->is_executable(w->ctx, script))
        return choose_none(script, w, ret, e);
    return choose_node(place, w, ret, e);
}

static bool is_there(const struct app_world *w, const char *folder, const char *name,
                     const char *suffix)
{
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s/%s%s", folder, name, suffix);
    int code;
    return w->kind(w->ctx, path.data, &code) != FILE_NONE;
}

/* What package.json calls "main" exists. */
static bool has_package_main(const char *folder, const struct app_world *w)
{
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s/package.json", folder);
    AUTO(buf) text = BUF_INIT;
    if (!buf_reserve(&text, PACKAGE_BYTES))
        return false;
    long n = w->read_head(w->ctx, path.data, text.data, PACKAGE_BYTES);
    if (n <= 0)
        return false;
    AUTO_JSON package = json_read((struct str){text.data, (size_t)n}, NULL);
    const char *entry = json_get_str(package, "main");
    return entry && *entry && (is_there(w, folder, entry, "") || is_there(w, folder, entry, ".js"));
}

static int choose_for_folder(const char *folder, const struct interp_place *place,
                             const struct app_world *w, char **ret, struct err *e)
{
    if (!is_there(w, folder, "index.js", "") && !has_package_main(folder, w))
        return err_set(e, -EISDIR,
                       "%s is a folder without index.js and without a package.json that names a "
                       "main file",
                       folder);
    return choose_node(place, w, ret, e);
}

static int choose_by_extension(size_t row, const struct interp_place *place,
                               const struct app_world *w, char **ret, const char **ret_node_arg,
                               struct err *e)
{
    for (size_t i = 0; i < ARRAY_LEN(by_extension[row].programs); i++) {
        const char *program = by_extension[row].programs[i];
        char *found = program ? interp_find(program, place, w) : NULL;
        if (!found)
            continue;
        free(found);
        *ret = strdup(program);
        *ret_node_arg = i == 1 ? by_extension[row].second_arg : NULL;
        return *ret ? 0 : out_of_memory(e);
    }
    return not_available(by_extension[row].programs[0], e);
}

int interp_choose(const char *script, const struct interp_place *place, const struct app_world *w,
                  char **ret, const char **ret_node_arg, struct err *e)
{
    *ret = NULL;
    *ret_node_arg = NULL;
    int code = 0;
    enum file_kind kind = w->kind(w->ctx, script, &code);
    if (kind == FILE_FOLDER)
        return choose_for_folder(script, place, w, ret, e);
    const char *slash = strrchr(script, '/');
    const char *base = slash ? slash + 1 : script;
    const char *dot = strrchr(base, '.');
    for (size_t i = 0; dot && dot > base && i < ARRAY_LEN(by_extension); i++) {
        if (strcmp(by_extension[i].extension, dot) == 0) {
            if (!w->is_readable(w->ctx, script))
                return err_set(e, -EACCES, "cannot read %s: %s", script, err_text(EACCES));
            return choose_by_extension(i, place, w, ret, ret_node_arg, e);
        }
    }
    return choose_by_content(script, place, w, ret, e);
}
