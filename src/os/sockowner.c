/* SPDX-License-Identifier: MIT
 * From a listening socket to its process. No state. */
#include "os/sockowner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "os/fd.h"
#include "os/sockdiag.h"

static size_t list_pids(pid_t *pids, size_t max)
{
    size_t count = 0;
    DIR *d = opendir("/proc");
    struct dirent *entry;
    while (d && count < max && (entry = readdir(d))) {
        int pid = atoi(entry->d_name); /* anything but a process reads as 0 */
        if (pid > 0)
            pids[count++] = pid;
    }
    if (d)
        closedir(d);
    return count;
}

static bool describe(pid_t pid, struct sockowner *ret)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret->command, sizeof(ret->command) - 1);
    bool ok = n > 0 && fstat(fd, &st) == 0;
    fd_close(&fd);
    if (!ok)
        return false;
    ret->command[n] = '\0';
    ret->command[strcspn(ret->command, "\n")] = '\0';
    ret->pid = pid;
    ret->uid = st.st_uid;
    return true;
}

bool sockowner_find(uint16_t port, const char *path, struct sockowner *ret)
{
    const struct sockdiag_query q = {.tcp = !path,
                                     .with_unix = path != NULL,
                                     .listening = true,
                                     .port = port,
                                     .unix_path = path};
    struct sockdiag_socket *sockets = NULL;
    *ret = (struct sockowner){0};
    ssize_t count = sockdiag_list(&q, &sockets);
    pid_t *pids = count > 0 ? calloc(LIMIT_PROCESSES, sizeof(*pids)) : NULL;
    if (pids)
        (void)sockdiag_owners(sockets, (size_t)count, pids, list_pids(pids, LIMIT_PROCESSES));
    bool found = false;
    for (ssize_t i = 0; pids && i < count && !found; i++)
        found = sockets[i].pid > 0 && describe(sockets[i].pid, ret);
    free(pids);
    free(sockets);
    return found;
}
