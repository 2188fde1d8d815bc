/* SPDX-License-Identifier: MIT
 * Files, users and cores for the pure floor. */
#include "host/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/fd.h"
#include "os/users.h"

static enum file_kind world_kind(void *ctx, const char *path, int *ret_code)
{
    (void)ctx;
    struct stat st;
    *ret_code = 0;
    if (stat(path, &st) < 0) {
        *ret_code = -errno;
        return FILE_NONE;
    }
    return S_ISREG(st.st_mode) ? FILE_REGULAR : S_ISDIR(st.st_mode) ? FILE_FOLDER : FILE_OTHER;
}

static bool world_is_executable(void *ctx, const char *path)
{
    int code;
    return world_kind(ctx, path, &code) == FILE_REGULAR && access(path, X_OK) == 0;
}

static bool world_is_readable(void *ctx, const char *path)
{
    (void)ctx;
    return access(path, R_OK) == 0;
}

static long world_read_head(void *ctx, const char *path, void *buf, size_t n)
{
    (void)ctx;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    ssize_t got = read(fd, buf, n);
    long rc = got < 0 ? -errno : (long)got;
    fd_close(&fd);
    return rc;
}

static int world_find_user(void *ctx, const char *user, const char *group, long long *ret_uid,
                           long long *ret_gid, char *home, size_t home_size, struct err *e)
{
    (void)ctx;
    char own[24];
    struct user_ids ids = {0};
    snprintf(own, sizeof(own), "%u", (unsigned)geteuid());
    int rc = users_lookup(user ? user : own, group, &ids, e);
    if (rc < 0)
        return rc;
    *ret_uid = ids.uid;
    *ret_gid = ids.gid;
    snprintf(home, home_size, "%s", ids.home);
    user_ids_fini(&ids);
    return 0;
}

void world_init(struct app_world *w)
{
    static char username[64];
    users_name(geteuid(), username, sizeof(username));
    *w = (struct app_world){
        .kind = world_kind,
        .is_executable = world_is_executable,
        .is_readable = world_is_readable,
        .read_head = world_read_head,
        .find_user = world_find_user,
        .is_root = geteuid() == 0,
        .username = username,
        .cpu_count = (int)sysconf(_SC_NPROCESSORS_ONLN),
    };
}
