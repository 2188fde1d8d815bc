/* SPDX-License-Identifier: MIT
 * Makes the layout of PM2_HOME. Private modes, unlike PM2's: logs and dumps hold secrets. */
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"

static int refuse(const char *what, const char *path, int code, struct err *e)
{
    if (code == -ENOTDIR || code == -EEXIST)
        return err_set(e, -ENOTDIR, "%s %s: a part of that path is not a folder", what, path);
    if (code == -EACCES || code == -EROFS || code == -EPERM)
        return err_set(e, code, "%s %s: %s (set PM2_HOME to a folder that this user may write to)",
                       what, path, err_text(code));
    return err_set(e, code, "%s %s: %s", what, path, err_text(code));
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* mkdir -p. The usual case, a folder that is there, costs one call. */
static int make_folder(const char *path, struct err *e)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n >= sizeof(part))
        return refuse("cannot create", path, -ENAMETOOLONG, e);
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno == EEXIST)
        return is_folder(path) ? 0 : refuse("cannot create", path, -EEXIST, e);
    if (errno != ENOENT)
        return refuse("cannot create", path, -errno, e);
    memcpy(part, path, n + 1);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        int code = mkdir(part, 0700) < 0 ? -errno : 0;
        if (code < 0 && code != -EEXIST && !is_folder(part))
            return refuse("cannot create", path, code, e);
        *at = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return refuse("cannot create", path, -errno, e);
    return is_folder(path) ? 0 : refuse("cannot create", path, -ENOTDIR, e);
}

static int make_module_conf(const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : refuse("cannot create", path, -errno, e);
    int rc = fd_write_all(fd, "{}", 2);
    fd_close(&fd);
    if (rc < 0) {
        unlink(path); /* an empty one would be taken for a broken one later */
        return refuse("cannot write", path, rc, e);
    }
    return 0;
}

int home_prepare(const struct home_spec *h, struct err *e)
{
    const char *const folders[] = {h->home, h->log_dir, h->pid_dir, h->module_dir};
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        int rc = make_folder(folders[i], e);
        if (rc < 0)
            return rc;
    }
    if (access(h->home, W_OK | X_OK) < 0)
        return refuse("cannot write to", h->home, -errno, e);
    return make_module_conf(h->module_conf, e);
}
