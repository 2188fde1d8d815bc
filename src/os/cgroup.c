/* SPDX-License-Identifier: MIT
 * cgroup v2. */
#include "os/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/fd.h"

#define LINE_MAX_BYTES 4096

/* Our cgroup in the v2 hierarchy: the line "0::/path". */
static int own_path(char *ret, size_t size)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[LINE_MAX_BYTES];
    int rc = -ENOENT;
    if (!f)
        return -errno;
    while (rc < 0 && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "0::", 3) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        rc = (size_t)snprintf(ret, size, "%s", line + 3) < size ? 0 : -ENAMETOOLONG;
    }
    (void)fclose(f);
    return rc;
}

/* Where the v2 hierarchy is mounted. */
static int mount_point(char *ret, size_t size)
{
    FILE *f = fopen("/proc/self/mounts", "re");
    char line[LINE_MAX_BYTES];
    int rc = -ENOENT;
    if (!f)
        return -errno;
    while (rc < 0 && fgets(line, sizeof(line), f)) {
        char where[1024];
        char type[64];
        if (sscanf(line, "%*s %1023s %63s", where, type) == 2 && strcmp(type, "cgroup2") == 0)
            rc = (size_t)snprintf(ret, size, "%s", where) < size ? 0 : -ENAMETOOLONG;
    }
    (void)fclose(f);
    return rc;
}

static bool is_delegated(const char *path, bool is_root_of_hierarchy)
{
    char value[8];
    struct stat st;
    if (access(path, W_OK) < 0 || stat(path, &st) < 0)
        return false;
    if (is_root_of_hierarchy || (geteuid() != 0 && st.st_uid == geteuid()))
        return true;
    return (getxattr(path, "user.delegate", value, sizeof(value)) > 0 && value[0] == '1') ||
           (getxattr(path, "trusted.delegate", value, sizeof(value)) > 0 && value[0] == '1');
}

int cgroup_base(char *path, size_t size)
{
    char mount[1024];
    char own[LINE_MAX_BYTES];
    int rc = mount_point(mount, sizeof(mount));
    if (rc == 0)
        rc = own_path(own, sizeof(own));
    if (rc < 0)
        return rc;
    bool root = strcmp(own, "/") == 0;
    if ((size_t)snprintf(path, size, "%s%s", mount, root ? "" : own) >= size)
        return -ENAMETOOLONG;
    return is_delegated(path, root) ? 0 : -ENOENT;
}

int cgroup_make(const char *path)
{
    char parent[LINE_MAX_BYTES];
    if (mkdir(path, 0755) == 0 || errno == EEXIST)
        return 0;
    const char *slash = strrchr(path, '/');
    if (errno != ENOENT || !slash || (size_t)(slash - path) >= sizeof(parent))
        return -errno;
    snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
    if (mkdir(parent, 0755) < 0 && errno != EEXIST)
        return -errno;
    return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int cgroup_remove(const char *path)
{
    return rmdir(path) < 0 ? -errno : 0;
}

static FILE *open_file(const char *path, const char *name)
{
    char file[LINE_MAX_BYTES];
    snprintf(file, sizeof(file), "%s/%s", path, name);
    return fopen(file, "re");
}

int cgroup_members(const char *path, pid_t **ret)
{
    FILE *f = open_file(path, "cgroup.procs");
    pid_t *list = NULL;
    int count = 0;
    int room = 0;
    char line[32];
    *ret = NULL;
    if (!f)
        return -errno;
    while (fgets(line, sizeof(line), f)) {
        if (count == room) {
            room = room ? room * 2 : 64;
            pid_t *more = realloc(list, (size_t)room * sizeof(*list));
            if (!more) {
                free(list);
                (void)fclose(f);
                return -ENOMEM;
            }
            list = more;
        }
        list[count++] = (pid_t)strtol(line, NULL, 10);
    }
    (void)fclose(f);
    *ret = list;
    return count;
}

int cgroup_kill(const char *path)
{
    char file[LINE_MAX_BYTES];
    snprintf(file, sizeof(file), "%s/cgroup.kill", path);
    int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fd_write_all(fd, "1", 1);
    fd_close(&fd);
    return rc;
}
