/* SPDX-License-Identifier: MIT
 * Getting a module's files. npm and tar do it, run by their arguments. */
#include "cli/module_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "cli/child.h"
#include "cli/module_dir.h"
#include "cli/module_word.h"
#include "json/read.h"

/* The one dependency of npm's prefix is the module; npm found out its name. */
static int read_name(struct module_fetch *f, struct err *e)
{
    AUTO_JSON prefix = module_dir_read(f->stage.data, e);
    const json_t *deps = json_object_get(prefix, "dependencies");
    const char *name = json_object_iter_key(json_object_iter((json_t *)deps));
    if (!prefix)
        return e->code;
    if (!name || !module_name_ok(name))
        return err_set(e, -EINVAL, "npm installed no module for %s", f->word);
    f->name = strdup(name);
    return f->name ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int run_npm(struct module_fetch *f, const char *spec, struct err *e)
{
    /* Folders are copied with what they depend on, and not linked: they may change or go. */
    const char *const argv[] = {"npm",
                                "install",
                                "--loglevel=error",
                                "--no-audit",
                                "--no-update-notifier",
                                "--no-fund",
                                "--install-links",
                                "--prefix",
                                f->stage.data,
                                "--",
                                spec,
                                NULL};
    int rc = child_run((char *const *)argv, f->stage.data, e);
    if (rc > 0)
        return err_set(e, -EIO, "npm install %s ended with code %d", f->word, rc);
    return rc < 0 ? rc : read_name(f, e);
}

static int from_npm(struct module_fetch *f, struct err *e)
{
    AUTO(buf) path = BUF_INIT;
    AUTO(buf) folder = BUF_INIT;
    const char *home = getenv("HOME");
    bool is_path = module_word_kind(f->word) == MODULE_PATH && strncmp(f->word, "file:..", 7) != 0;
    if (is_path) {
        module_word_path(f->word, f->cli->cwd, home ? home : "", &path);
        if (access(path.data, R_OK) < 0)
            return err_set(e, -errno, "%s: %s", path.data, err_text(errno));
    }
    int rc = run_npm(f, is_path ? path.data : f->word, e);
    if (rc < 0)
        return rc;
    buf_printf(&folder, "%s/node_modules/%s", f->stage.data, f->name);
    f->package = module_dir_read(folder.data, e);
    return f->package ? 0 : e->code;
}

/* 1: an archive of `pm2 package`, unpacked. 0: another one. */
static int from_tar(struct module_fetch *f, bool must, struct err *e)
{
    AUTO(buf) folder = BUF_INIT;
    struct stat st;
    const char *home = getenv("HOME");
    module_word_path(f->word, f->cli->cwd, home ? home : "", &f->source);
    if (access(f->source.data, R_OK) < 0)
        return err_set(e, -errno, "%s: %s", f->source.data, err_text(errno));
    const char *const argv[] = {"tar", "-xzf", f->source.data, "-C", f->root.data, NULL};
    int rc = child_run((char *const *)argv, NULL, e);
    if (rc != 0)
        return rc < 0 ? rc : err_set(e, -EINVAL, "tar cannot unpack %s", f->source.data);
    buf_printf(&folder, "%s/module", f->root.data);
    if (lstat(folder.data, &st) < 0 || !S_ISDIR(st.st_mode)) {
        if (must)
            return err_set(e, -EINVAL, "%s has no folder called module at its top", f->word);
        rc = module_dir_remove(f->root.data, e);
        return rc < 0 ? rc
               : mkdir(f->root.data, 0700) < 0
                   ? err_set(e, -errno, "cannot make %s: %s", f->root.data, err_text(errno))
                   : 0;
    }
    f->package = module_dir_read(folder.data, e);
    if (!f->package)
        return e->code;
    const char *name = json_get_str(f->package, "name");
    if (!name || !module_name_ok(name))
        return err_set(e, -EINVAL, "%s: its package.json has no usable name", f->word);
    f->name = strdup(name);
    if (!f->name)
        return err_set(e, -ENOMEM, "out of memory");
    buf_clear(&f->stage);
    buf_add_str(&f->stage, buf_str(&folder));
    return 1;
}

bool module_fetch_is_archive(const char *word)
{
    size_t n = strlen(word);
    return module_word_kind(word) == MODULE_PATH && n > 7 && strcmp(word + n - 7, ".tar.gz") == 0;
}

int module_fetch(struct module_fetch *f, const char *name, struct err *e)
{
    bool must = f->is_tar;
    int rc = module_dir_stage(f->cli->paths.module_dir, name, &f->root, e);
    buf_add_str(&f->stage, buf_str(&f->root));
    if (rc == 0 && (must || module_fetch_is_archive(f->word)))
        rc = from_tar(f, must, e);
    f->is_tar = rc == 1;
    return rc == 0 ? from_npm(f, e) : rc < 0 ? rc : 0;
}

void module_fetch_fini(struct module_fetch *f)
{
    struct err e = {0};
    if (f->root.len > 0 && module_dir_remove(f->root.data, &e) < 0)
        ui_warn(&f->cli->ui, "%s", e.msg);
    buf_fini(&f->root);
    buf_fini(&f->stage);
    buf_fini(&f->source);
    free(f->name);
    json_decref(f->package);
}
