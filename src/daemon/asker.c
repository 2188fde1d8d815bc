/* SPDX-License-Identifier: MIT
 * The person behind a call. Runs in pm2d; three small files of /proc. */
#include "asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "os/procfs.h"

/* The 7th field of stat: the number of the controlling terminal. The 2nd may hold anything, and
 * ends with the last ')'. */
static unsigned terminal_of(pid_t pid)
{
    char text[512];
    unsigned number = 0;
    procfs_line(pid, "stat", text, sizeof(text));
    const char *rest = strrchr(text, ')');
    if (!rest || sscanf(rest, ") %*c %*d %*d %*d %u", &number) != 1)
        return 0;
    return number;
}

static void write_terminal(struct jw *w, pid_t pid)
{
    char name[32];
    unsigned number = terminal_of(pid);
    unsigned kind = major(number);
    unsigned nth = minor(number);
    if (number == 0)
        return;
    if (kind >= 136 && kind <= 143) /* Unix98 pseudo terminals: 8 majors of 256 */
        snprintf(name, sizeof(name), "pts/%u", (kind - 136) * 256 + nth);
    else if (kind == 4 && nth < 64)
        snprintf(name, sizeof(name), "tty%u", nth);
    else
        snprintf(name, sizeof(name), "%u:%u", kind, nth);
    jw_kstr(w, "tty", name);
}

void asker_write(struct jw *w, const struct asker *a)
{
    char text[64];
    jw_kint(w, "uid", a->uid);
    jw_kint(w, "pid", a->pid);
    write_terminal(w, a->pid);
    procfs_line(a->pid, "comm", text, sizeof(text));
    if (text[0])
        jw_kstr(w, "program", text);
    procfs_line(a->pid, "loginuid", text, sizeof(text));
    unsigned long login = strtoul(text, NULL, 10);
    if (text[0] && login != 4294967295u && login != a->uid) /* -1: nobody logged in */
        jw_kint(w, "login", (int64_t)login);
}
