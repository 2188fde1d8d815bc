/* SPDX-License-Identifier: MIT
 * Node's version from node_version.h. Runs in pm2d; one readlink per spawn, one small file per
 * binary. */
#include "nodeversion.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "os/fd.h"

/* The number behind "#define NAME "; -1 when it is not there. */
static int defined_number(const char *text, const char *name)
{
    char key[64];
    snprintf(key, sizeof(key), "#define %s ", name);
    const char *at = strstr(text, key);
    return at ? (int)strtol(at + strlen(key), NULL, 10) : -1;
}

static void read_header(const char *path, char *ret, size_t size)
{
    char text[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    fd_close(&fd);
    if (n <= 0)
        return;
    text[n] = '\0';
    int major = defined_number(text, "NODE_MAJOR_VERSION");
    int minor = defined_number(text, "NODE_MINOR_VERSION");
    int patch = defined_number(text, "NODE_PATCH_VERSION");
    if (major >= 0 && minor >= 0 && patch >= 0)
        snprintf(ret, size, "%d.%d.%d", major, minor, patch);
}

void nodeversion_find(pid_t pid, char *ret, size_t size)
{
    static char last_exe[4096];
    static char last_version[32];
    char link[40];
    char exe[4096];
    ret[0] = '\0';
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(link, exe, sizeof(exe) - 64);
    if (n <= 0)
        return;
    exe[n] = '\0';
    if (!str_ends(str_from(exe), STR("/bin/node")) && !str_ends(str_from(exe), STR("/bin/nodejs")))
        return;
    if (strcmp(exe, last_exe) != 0) {
        char path[4200];
        int prefix = (int)(strstr(exe, "/bin/node") - exe);
        snprintf(last_exe, sizeof(last_exe), "%s", exe);
        last_version[0] = '\0';
        snprintf(path, sizeof(path), "%.*s/include/node/node_version.h", prefix, exe);
        read_header(path, last_version, sizeof(last_version));
    }
    snprintf(ret, size, "%s", last_version);
}
