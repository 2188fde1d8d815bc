/* SPDX-License-Identifier: MIT
 * Folders and extensions to patterns. */
#include "cli/ext.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "json/read.h"

#define BETWEEN ", "

/* "js", or "{js,json}"; empty when there is none. */
static void add_alternatives(struct buf *out, const char *extensions)
{
    AUTO(buf) list = BUF_INIT;
    int count = 0;
    for (const char *at = extensions; *at;) {
        size_t n = strcspn(at, BETWEEN);
        size_t dot = n > 0 && *at == '.';
        if (n > dot) {
            buf_add_c(&list, count++ > 0 ? "," : "");
            buf_add(&list, at + dot, n - dot);
        }
        at += n + strspn(at + n, BETWEEN);
    }
    if (count > 0)
        buf_printf(out, count > 1 ? "{%s}" : "%s", list.data);
}

static bool is_file(const struct cli *cli, const json_t *options, const char *path)
{
    AUTO(buf) full = BUF_INIT;
    const char *cwd = json_get_str(options, "cwd");
    struct stat st;
    if (path[0] != '/' && (!cwd || cwd[0] != '/'))
        buf_printf(&full, "%s/", cli->cwd);
    if (path[0] != '/' && cwd)
        buf_printf(&full, "%s/", cwd);
    buf_add_c(&full, path);
    return stat(full.data, &st) == 0 && !S_ISDIR(st.st_mode);
}

static void add_pattern(json_t *patterns, const char *folder, const char *alternatives)
{
    AUTO(buf) pattern = BUF_INIT;
    size_t n = strlen(folder);
    while (n > 0 && folder[n - 1] == '/')
        n--;
    if (strcmp(folder, ".") != 0)
        buf_printf(&pattern, "%.*s/", (int)n, folder);
    buf_printf(&pattern, "**/*.%s", alternatives);
    json_array_append_new(patterns, json_string(pattern.data));
}

void ext_apply(struct cli *cli, json_t *options, const char *extensions)
{
    AUTO(buf) alternatives = BUF_INIT;
    const json_t *watch = json_object_get(options, "watch");
    json_t *patterns = json_array();
    size_t i;
    json_t *path;
    add_alternatives(&alternatives, extensions);
    if (!watch || json_is_false(watch) || alternatives.len == 0) {
        ui_warn(&cli->ui, "--ext has no effect without --watch and an extension");
        json_decref(patterns);
        return;
    }
    json_array_foreach (watch, i, path) {
        const char *text = json_string_value(path);
        if (text && is_file(cli, options, text))
            json_array_append(patterns, path);
        else if (text)
            add_pattern(patterns, text, alternatives.data);
    }
    if (json_array_size(patterns) == 0)
        add_pattern(patterns, ".", alternatives.data);
    json_object_set_new(options, "watch", patterns);
}
