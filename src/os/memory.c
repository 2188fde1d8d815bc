/* SPDX-License-Identifier: MIT
 * Memory of process trees. */
#include "os/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/fd.h"

#define STATM_BYTES  128
#define ROLLUP_BYTES 2048
#define GROUP_BYTES  4096 /* some 500 pids; what does not fit is not counted */

void mem_probe_init(struct mem_probe *m)
{
    *m = (struct mem_probe){.statm_fd = -1, .group_fd = -1};
}

void mem_probe_close(struct mem_probe *m)
{
    fd_close(&m->statm_fd);
    fd_close(&m->group_fd);
    m->pid = 0;
}

static int open_proc(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

int mem_probe_open(struct mem_probe *m, pid_t pid, const char *cgroup)
{
    mem_probe_close(m);
    m->statm_fd = open_proc(pid, "statm");
    if (m->statm_fd < 0)
        return -errno;
    m->pid = pid;
    if (cgroup) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
        m->group_fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return 0;
}

/* Text of a file from its beginning, ended by NUL. Its length, or -errno. */
static ssize_t read_text(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return n;
}

/* resident and shared of a statm file, in bytes. */
static int parse_statm(int fd, int64_t *ret_resident, int64_t *ret_shared)
{
    char text[STATM_BYTES];
    long long pages[3];
    ssize_t n = read_text(fd, text, sizeof(text));
    if (n <= 0)
        return n < 0 ? (int)n : -ESRCH;
    char *at = text;
    for (int i = 0; i < 3; i++)
        pages[i] = strtoll(at, &at, 10);
    *ret_resident = pages[1] * sysconf(_SC_PAGESIZE);
    *ret_shared = pages[2] * sysconf(_SC_PAGESIZE);
    return 0;
}

int64_t mem_probe_root(const struct mem_probe *m)
{
    int64_t resident, shared;
    int rc = parse_statm(m->statm_fd, &resident, &shared);
    return rc < 0 ? rc : resident;
}

int mem_probe_others(const struct mem_probe *m, pid_t *ret, int room)
{
    char text[GROUP_BYTES];
    int count = 0;
    if (m->group_fd < 0 || read_text(m->group_fd, text, sizeof(text)) <= 0)
        return 0;
    /* A number that the end of the buffer may have cut is left out. */
    for (char *at = text, *end; count < room && (end = strchr(at, '\n')); at = end + 1) {
        pid_t pid = (pid_t)strtol(at, NULL, 10);
        if (pid > 0 && pid != m->pid)
            ret[count++] = pid;
    }
    return count;
}

int64_t mem_private_most(pid_t pid)
{
    int64_t resident, shared;
    int fd = open_proc(pid, "statm");
    if (fd < 0)
        return 0;
    int rc = parse_statm(fd, &resident, &shared);
    close(fd);
    return rc < 0 ? 0 : resident - shared;
}

int64_t mem_share(pid_t pid)
{
    char text[ROLLUP_BYTES];
    int fd = open_proc(pid, "smaps_rollup");
    if (fd < 0)
        return -errno;
    ssize_t n = read_text(fd, text, sizeof(text));
    close(fd);
    if (n <= 0)
        return n < 0 ? n : -ESRCH;
    const char *pss = strstr(text, "\nPss:");
    return pss ? strtoll(pss + 5, NULL, 10) * 1024 : -ENODATA;
}
