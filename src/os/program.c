/* SPDX-License-Identifier: MIT
 * Where our programs lie. Linux: /proc/self/exe. */
#include "os/program.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int program_beside_own(const char *name, char *path, size_t size, struct err *e)
{
    ssize_t n = readlink("/proc/self/exe", path, size);
    if (n < 0)
        return err_set(e, -errno, "cannot find my own program: %s", err_text(errno));
    while (n > 0 && path[n - 1] != '/')
        n--;
    size_t bytes = strlen(name) + 1;
    if ((size_t)n + bytes > size)
        return err_set(e, -ENAMETOOLONG, "the path of my own program is too long");
    memcpy(path + n, name, bytes);
    return 0;
}
