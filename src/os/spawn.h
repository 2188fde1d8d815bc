/* SPDX-License-Identifier: MIT
 * fork + exec with stdio pipes, sockets to listen on, an optional Node channel, ids and cwd, in the
 * keeper. The order of steps in the child is law: setsid, signal dispositions and mask to default,
 * stdio, sockets from fd 3 on, channel on the fd behind them, LISTEN_PID, cgroup, umask, nice and
 * limits (while we still may), groups, gid, uid, cwd, close everything else, exec. An error in the
 * child comes back through a CLOEXEC pipe with the step that failed, so that the caller knows
 * before this function returns. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum spawn_stage {
    SPAWN_RESOURCES,
    SPAWN_GROUPS,
    SPAWN_GID,
    SPAWN_UID,
    SPAWN_CWD,
    SPAWN_EXEC,
    SPAWN_CGROUP,
    SPAWN_NICE,
    SPAWN_RLIMIT, /* + the number of the resource, RLIMIT_NOFILE for instance */
};

struct spawn_rlimit {
    int resource; /* RLIMIT_NOFILE ... */
    struct rlimit limit;
};

struct spawn_spec {
    const char *file; /* absolute or relative path, or a bare name looked up in search_path */
    const char *search_path; /* PATH of the app; NULL = default */
    const char *cwd;         /* NULL = ours */
    char *const *argv;
    char *const *env;
    const char *cgroup; /* folder of the cgroup to enter; NULL = ours. Best effort, or: */
    bool need_cgroup;   /* fail when it cannot be entered */
    bool want_channel;
    const int *listen_fds; /* become fds 3, 4, ...; the caller's still */
    size_t listen_count;   /* at most LIMIT_LINK_FDS; with any, a LISTEN_PID= in `env` gets the
                              child's pid for its value, as far as there is room */
    bool set_ids;
    uint32_t uid, gid;
    size_t group_count;
    const uint32_t *groups;
    uint32_t pipe_bytes; /* wanted size of the output pipes; best effort */
    /* The child's ends of its stdio are open for both ways, so that no pipe breaks while nobody
     * holds the other end: the child is its own reader and writer then, and its output waits in the
     * pipe. procfs_take_pipe() finds such a pipe again. Who closes stdin_w gives no EOF. Best
     * effort. */
    bool lasting_pipes;
    bool set_umask;
    mode_t umask;         /* the keeper's own is stricter than what apps expect */
    uint64_t nofile_soft; /* soft RLIMIT_NOFILE of the child; 0 = as ours */
    bool set_nice;
    int nice;
    size_t rlimit_count;
    const struct spawn_rlimit *rlimits; /* the last word, also on RLIMIT_NOFILE */
};

struct spawn_result {
    pid_t pid;
    int pidfd;                       /* -1 on a kernel without pidfds */
    int stdin_w, stdout_r, stderr_r; /* non-blocking, CLOEXEC */
    int channel;                     /* -1 without */
};

/* 0, or -errno with *ret_stage. On failure nothing is left behind (no child, no fd); only a child
 * that hangs in the kernel before its exec (dead network folder) is killed after 10 s, -ETIMEDOUT,
 * and left to the caller's wait loop. A file without a known format is run by /bin/sh. */
int spawn_process(const struct spawn_spec *s, struct spawn_result *ret,
                  enum spawn_stage *ret_stage);
