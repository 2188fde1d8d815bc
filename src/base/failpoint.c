/* SPDX-License-Identifier: MIT
 * Failpoints. Runs in whatever program passes one; only test builds do. */
#include "base/failpoint.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

static bool is_asked_for(const char *name, long long *ret_nth)
{
    const char *wish = getenv("PM2_FAILPOINT");
    size_t n = strlen(name);
    *ret_nth = 1;
    if (!wish || strncmp(wish, name, n) != 0)
        return false;
    if (wish[n] == '\0')
        return true;
    return wish[n] == ':' && str_to_int(str_from(wish + n + 1), ret_nth);
}

/* True for the first to ask. SIGKILL leaves no time to remember anything afterwards. */
static bool claim(void)
{
    char path[PATH_MAX];
    const char *home = getenv("PM2_HOME");
    int n = snprintf(path, sizeof(path), "%s/failpoint.done", home ? home : "");
    if (!home || n < 0 || n >= (int)sizeof(path))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    (void)close(fd);
    return true;
}

void failpoint_pass(const char *name)
{
    static long long passed; /* only one name is asked for: one count is enough */
    long long nth;
    if (is_asked_for(name, &nth) && ++passed >= nth && claim())
        (void)kill(getpid(), SIGKILL);
}
