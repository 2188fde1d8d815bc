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
/* Where cgroup_vacate() puts us: a child of the base. */
#define OWN_LEAF "pm2c-daemon"

/* The cgroup of a process ("self") in the v2 hierarchy: the line "0::/path". */
static int path_of(const char *process, char *ret, size_t size)
{
    char file[64];
    (void)snprintf(file, sizeof(file), "/proc/%s/cgroup", process);
    FILE *f = fopen(file, "re");
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

bool cgroup_holds(pid_t pid)
{
    char own[LINE_MAX_BYTES];
    char other[LINE_MAX_BYTES];
    char process[16];
    (void)snprintf(process, sizeof(process), "%d", (int)pid);
    if (path_of("self", own, sizeof(own)) < 0 || path_of(process, other, sizeof(other)) < 0)
        return true;
    size_t n = strcmp(own, "/") == 0 ? 0 : strlen(own);
    return strncmp(own, other, n) == 0 && (other[n] == '\0' || other[n] == '/');
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

/* "/a/pm2c-daemon" to "/a": there we went. */
static void leave_leaf(char *own)
{
    char *slash = strrchr(own, '/');
    if (slash && strcmp(slash + 1, OWN_LEAF) == 0)
        slash[slash == own] = '\0';
}

int cgroup_base(char *path, size_t size, struct err *e)
{
    char mount[1024];
    char own[LINE_MAX_BYTES];
    int rc = mount_point(mount, sizeof(mount));
    if (rc < 0)
        return err_set(e, rc, "no cgroup2 is mounted");
    rc = path_of("self", own, sizeof(own));
    if (rc < 0)
        return err_set(e, rc, "/proc/self/cgroup names none");
    leave_leaf(own);
    bool root = strcmp(own, "/") == 0;
    if ((size_t)snprintf(path, size, "%s%s", mount, root ? "" : own) >= size)
        return err_set(e, -ENAMETOOLONG, "its path is too long");
    if (!is_delegated(path, root))
        return err_set(e, -ENOENT, "%s is not delegated to us", path);
    return 0;
}

static int make_one(const char *path)
{
    if (mkdir(path, 0755) == 0)
        return 0;
    return errno == EEXIST ? 1 : -errno;
}

int cgroup_make(const char *path)
{
    char parent[LINE_MAX_BYTES];
    int rc = make_one(path);
    const char *slash = strrchr(path, '/');
    if (rc != -ENOENT || !slash || (size_t)(slash - path) >= sizeof(parent))
        return rc;
    snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
    rc = make_one(parent);
    return rc < 0 ? rc : make_one(path);
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

int cgroup_set(const char *path, const char *file, const char *value)
{
    char name[LINE_MAX_BYTES];
    if ((size_t)snprintf(name, sizeof(name), "%s/%s", path, file) >= sizeof(name))
        return -ENAMETOOLONG;
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fd_write_all(fd, value, strlen(value));
    fd_close(&fd);
    return rc;
}

int cgroup_kill(const char *path)
{
    return cgroup_set(path, "cgroup.kill", "1");
}

uint64_t cgroup_count(const char *path, const char *file, const char *key)
{
    FILE *f = open_file(path, file);
    char line[128];
    size_t n = strlen(key);
    uint64_t count = 0;
    while (f && count == 0 && fgets(line, sizeof(line), f))
        if (strncmp(line, key, n) == 0 && line[n] == ' ')
            count = strtoull(line + n, NULL, 10);
    if (f)
        (void)fclose(f);
    return count;
}

/* ---- controllers ---- */

/* The words of a file of one line. */
static int read_words(const char *path, const char *name, char *ret, size_t size)
{
    FILE *f = open_file(path, name);
    ret[0] = '\0';
    if (!f)
        return -errno;
    if (!fgets(ret, (int)size, f))
        ret[0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    (void)fclose(f);
    return 0;
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");
        if (len == n && memcmp(at, word, n) == 0)
            return true;
        at += len;
    }
    return false;
}

int cgroup_enable(const char *path, const char *controller, struct err *e)
{
    char words[512];
    char order[64];
    int rc = read_words(path, "cgroup.subtree_control", words, sizeof(words));
    if (rc == 0 && has_word(words, controller))
        return 0;
    rc = read_words(path, "cgroup.controllers", words, sizeof(words));
    if (rc < 0)
        return err_set(e, rc, "%s is no cgroup v2: %s", path, err_text(rc));
    if (!has_word(words, controller))
        return err_set(e, -ENOTSUP, "controller %s is not available here (cgroup.controllers: %s)",
                       controller, words[0] ? words : "none");
    snprintf(order, sizeof(order), "+%s", controller);
    rc = cgroup_set(path, "cgroup.subtree_control", order);
    if (rc < 0)
        return err_set(e, rc, "controller %s cannot be enabled in %s: %s", controller, path,
                       err_text(rc));
    return 0;
}

/* ---- out of the base ---- */

static bool is_among(pid_t pid, const pid_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == pid)
            return true;
    return false;
}

/* The first one that is not ours; -1 = none. */
static int find_stranger(const char *base, const pid_t *ours, size_t count, pid_t *ret)
{
    pid_t *members = NULL;
    int n = cgroup_members(base, &members);
    *ret = -1;
    for (int i = 0; members && i < n && *ret < 0; i++)
        if (!is_among(members[i], ours, count))
            *ret = members[i];
    free(members);
    return n < 0 ? n : 0;
}

int cgroup_vacate(const char *base, const pid_t *ours, size_t count, struct err *e)
{
    char leaf[LINE_MAX_BYTES];
    pid_t stranger;
    if ((size_t)snprintf(leaf, sizeof(leaf), "%s/" OWN_LEAF, base) >= sizeof(leaf))
        return err_set(e, -ENAMETOOLONG, "the path of our cgroup is too long");
    int rc = find_stranger(base, ours, count, &stranger);
    if (rc < 0)
        return err_set(e, rc, "cannot read the members of %s: %s", base, err_text(rc));
    if (stranger >= 0) /* 0: of another pid namespace */
        return err_set(e, -EBUSY,
                       "%s has processes of others (pid %d), so that nothing below it can have "
                       "limits",
                       base, (int)stranger);
    rc = cgroup_make(leaf);
    for (size_t i = 0; i < count && rc >= 0; i++) {
        char pid[16];
        snprintf(pid, sizeof(pid), "%d", (int)ours[i]);
        rc = cgroup_set(leaf, "cgroup.procs", pid);
    }
    return rc < 0 ? err_set(e, rc, "cannot move to %s: %s", leaf, err_text(rc)) : 0;
}
