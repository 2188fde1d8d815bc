/* SPDX-License-Identifier: MIT
 * Several looks at /proc: one look alone says nothing, because everything waits now and then. */
#include "cli/stall.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/str.h"
#include "os/procfs.h"

#define LOOKS       12
#define PAUSE_NS    30000000L
#define MEMBERS_MAX 256 /* of a session that are looked at */

struct member {
    pid_t pid;
    uint64_t start_ticks;
    char state; /* in all looks so far; '?' when it changed */
};

void stall_add_program(struct buf *out, pid_t pid)
{
    char name[64];
    procfs_line(pid, "comm", name, sizeof(name));
    buf_printf(out, "%s (pid %d)", name[0] ? name : "a process", (int)pid);
}

/* ---- what is seen ---- */

const char *stall_word(char state, const char *wait_channel)
{
    static const struct {
        char state;
        const char *channel, *word; /* channel: in the name; NULL = any */
    } rows[] = {
        {'T', NULL, "was stopped by a signal"},
        {'t', NULL, "is held by a debugger"},
        {'S', "freezer", "does not run: its control group is frozen"},
        {'D', "refrigerator", "does not run: its control group is frozen"},
        {'D', NULL, "waits in the kernel, as for a disk or a network folder that does not answer"},
        {'S', "pipe_write", "waits until what it wrote into a pipe is read"},
        {'R', NULL,
         "has been computing without a pause; if that is its event loop, it answers nobody "
         "meanwhile"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].state == state && (!rows[i].channel || strstr(wait_channel, rows[i].channel)))
            return rows[i].word;
    return NULL;
}

/* The processes of the session, the oldest first. How many. */
static size_t find_members(pid_t root, struct member *ret)
{
    size_t count = 0;
    DIR *dir = opendir("/proc");
    const struct dirent *entry;
    while (dir && count < MEMBERS_MAX && (entry = readdir(dir)) != NULL) {
        long long pid;
        struct proc_stat st;
        if (!str_to_int(str_from(entry->d_name), &pid) || procfs_stat((pid_t)pid, &st) < 0 ||
            st.sid != root)
            continue;
        ret[count++] = (struct member){st.pid, st.start_ticks, st.state};
    }
    if (dir)
        (void)closedir(dir);
    return count;
}

static void look_again(struct member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct member *m = &members[i];
        struct proc_stat st;
        if (procfs_stat(m->pid, &st) < 0 || st.start_ticks != m->start_ticks ||
            st.state != m->state)
            m->state = '?';
    }
}

bool stall_look(struct buf *out, pid_t root)
{
    struct member *members = calloc(MEMBERS_MAX, sizeof(*members));
    size_t count = members ? find_members(root, members) : 0;
    bool is_seen = false;
    for (int i = 1; i < LOOKS && count > 0; i++) {
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
        look_again(members, count);
    }
    for (size_t i = 0; i < count && !is_seen; i++) {
        char channel[64];
        procfs_line(members[i].pid, "wchan", channel, sizeof(channel));
        const char *word = stall_word(members[i].state, channel);
        if (!word)
            continue;
        is_seen = true;
        stall_add_program(out, members[i].pid);
        buf_printf(out, " %s", word);
        if (members[i].state == 'T')
            buf_printf(out, "; kill -CONT %d lets it go on", (int)members[i].pid);
        else if (members[i].state == 'D' && channel[0] && channel[0] != '0')
            buf_printf(out, " (%s)", channel);
    }
    free(members);
    return is_seen;
}
