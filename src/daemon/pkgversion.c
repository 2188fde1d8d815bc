/* SPDX-License-Identifier: MIT
 * Version lookup. Runs in pm2d; reads at most one small file per folder level. */
#include "pkgversion.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "os/fd.h"
#include "json/read.h"

#define PACKAGE_JSON_MAX (1024 * 1024)

static bool read_version(const char *path, char *ret, size_t size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    AUTO(buf) text = BUF_INIT;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size < PACKAGE_JSON_MAX &&
        buf_reserve(&text, (size_t)st.st_size)) {
        ssize_t n = read(fd, text.data, (size_t)st.st_size);
        text.len = n > 0 ? (size_t)n : 0;
    }
    fd_close(&fd);
    AUTO_JSON root = json_read(buf_str(&text), NULL);
    const char *version = json_get_str(root, "version");
    if (version)
        snprintf(ret, size, "%s", version);
    return true; /* the nearest file decides, with or without a version */
}

void pkgversion_find(const char *script, char *ret, size_t size)
{
    char path[4096];
    ret[0] = '\0';
    if (!script || script[0] != '/' || strlen(script) + sizeof("package.json") > sizeof(path))
        return;
    /* The script itself may be a folder: that is looked into as well. */
    snprintf(path, sizeof(path), "%s/", script);
    char *slash;
    while ((slash = strrchr(path, '/'))) {
        memcpy(slash, "/package.json", sizeof("/package.json"));
        if (read_version(path, ret, size))
            return;
        *slash = '\0';
    }
}
