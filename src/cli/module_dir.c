/* SPDX-License-Identifier: MIT
 * The folders of modules. */
#include "cli/module_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/atomic_file.h"
#include "json/read.h"

#define STAGING    ".staging"
#define WALK_FILES 32 /* descriptors of a walk */

void module_dir_package(const char *modules, const char *name, bool is_tar, struct buf *ret)
{
    buf_printf(ret, "%s/%s", modules, name);
    if (!is_tar)
        buf_printf(ret, "/node_modules/%s", name);
}

static int make_dir(const char *path, struct err *e)
{
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_set(e, -errno, "cannot make %s: %s", path, err_text(errno));
    return 0;
}

int module_dir_stage(const char *modules, const char *name, struct buf *ret, struct err *e)
{
    const char *slash = name[0] == '@' ? strchr(name, '/') : NULL;
    AUTO(buf) parent = BUF_INIT;
    buf_add_c(&parent, modules);
    if (slash)
        buf_printf(&parent, "/%.*s", (int)(slash - name), name);
    buf_printf(ret, "%s/" STAGING, parent.data);
    int rc = make_dir(parent.data, e);
    if (rc == 0)
        rc = module_dir_remove(ret->data, e); /* of one that was interrupted */
    return rc == 0 ? make_dir(ret->data, e) : rc;
}

int module_dir_swap(const char *stage, const char *modules, const char *name, bool *ret_had,
                    struct err *e)
{
    AUTO(buf) place = BUF_INIT;
    const char *slash = strchr(name, '/');
    if (slash) {
        buf_printf(&place, "%s/%.*s", modules, (int)(slash - name), name);
        if (make_dir(place.data, e) < 0)
            return e->code;
        buf_clear(&place);
    }
    buf_printf(&place, "%s/%s", modules, name);
    *ret_had = renameat2(AT_FDCWD, stage, AT_FDCWD, place.data, RENAME_EXCHANGE) == 0;
    if (*ret_had || (errno == ENOENT && rename(stage, place.data) == 0))
        return 0;
    return err_set(e, -errno, "cannot put the module to %s: %s", place.data, err_text(errno));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int module_dir_remove(const char *path, struct err *e)
{
    if (nftw(path, remove_one, WALK_FILES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ||
        errno == ENOENT)
        return 0;
    return err_set(e, -errno, "cannot remove %s: %s", path, err_text(errno));
}

json_t *module_dir_read(const char *folder, struct err *e)
{
    AUTO(buf) path = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    struct err why = {0};
    buf_printf(&path, "%s/package.json", folder);
    if (file_read(path.data, LIMIT_SETTINGS_BYTES, &text, &why) < 0) {
        err_set(e, why.code, "%s is no module: %s", folder, why.msg);
        return NULL;
    }
    json_t *package = json_read(buf_str(&text), &why);
    if (json_is_object(package))
        return package;
    err_set(e, -EINVAL, "%s cannot be used: %s", path.data, package ? "no object" : why.msg);
    json_decref(package);
    return NULL;
}
