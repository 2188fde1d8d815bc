/* SPDX-License-Identifier: MIT
 * The link between pm2d and pm2-keeper.
 *
 * Transport: one SOCK_STREAM unix socketpair made by the keeper; pm2d gets its end as fd 3. Both
 * ends are the same user and the same release or neighbours, so the format is binary, native byte
 * order, positional. A frame is a header of 12 bytes, then `length` bytes of payload:
 *
 *     u32 length   of the payload, at most LIMIT_LINK_FRAME_BYTES
 *     u16 type     enum link_type
 *     u16 nfds     descriptors that travel with the FIRST byte of the frame (SCM_RIGHTS)
 *     u32 seq      of the request; an answer carries the request's seq; 0 = unsolicited
 *
 * Payload fields: u32, u64, i32, and strings (u32 length + bytes, no NUL). A string list is a u32
 * count followed by that many strings. Unknown trailing bytes in a payload are ignored, so that a
 * newer peer may append fields; an unknown type is answered by LINK_ERROR and otherwise ignored.
 *
 * Versions (link_hello.version):
 *   1  2026-11  the first
 *   2  2026-11  SPAWN ends in nice and rlimits; stages from LINK_STAGE_CGROUP on
 *   3  2026-11  SPAWN may carry descriptors. Before, one that did broke the protocol
 *   4  2026-11  UPDATE, UPDATING
 *   5  2026-11  exit times are those of the monotonic clock. Before, of the wall clock: a reader
 *               sees it by their being in the future
 *
 * Handles. pm2d names each spawned process by a u64 handle of its own choice, never reused within
 * a keeper's life: (pm_id << 32) | spawn counter. The keeper knows nothing else about it, except
 * an opaque `note` that pm2d attached and gets back from LIST after it died.
 *
 * Life of a child in the keeper: SPAWN -> (SPAWNED | SPAWN_FAILED) -> EXITED -> FORGET. The exit
 * status and the duplicates of its fds are kept until FORGET, whether or not a pm2d is connected.
 * Orphans that the keeper inherits as subreaper are reaped in silence.
 *
 * After pm2d died the keeper starts it again. The new pm2d says HELLO, then LIST, and gets one
 * CHILD frame (with duplicates of the fds) per child it may still care about, one STORED per fd in
 * the store, then LIST_END. Exits that happened meanwhile are in the CHILD frame; EXITED frames
 * that the dead pm2d never read are not repeated otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

#define LINK_VERSION      5
#define LINK_HEADER_BYTES 12
#define LINK_FD           3 /* pm2d's end of the link */

enum link_type {
    /* pm2d -> keeper */
    LINK_HELLO = 1, /* u32 version                      -> HELLO_OK */
    LINK_READY,     /* sockets are bound: launch is a success; string version text */
    LINK_FATAL,     /* string text: launch failed, pm2d is about to exit for good */
    LINK_LIST,      /*                                  -> CHILD*, STORED*, LIST_END */
    LINK_SPAWN,     /* struct link_spawn, + sockets for the child, from its fd 3 on
                                                        -> SPAWNED | SPAWN_FAILED */
    LINK_SIGNAL,    /* u64 handle, i32 signo            -> SIGNALLED; only while not reaped */
    LINK_FORGET,    /* u64 handle: drop status and fds. No answer */
    LINK_CLOSE_FD,  /* u64 handle, u32 enum link_fd: drop the keeper's duplicate. No answer */
    LINK_STORE,     /* string name, + 1 fd: keep it under this name (replaces). No answer */
    LINK_UNSTORE,   /* string name. No answer */
    LINK_ADOPT,     /* struct link_child; + its fds: a dead keeper's child, to be kept. No answer */
    LINK_QUIT,      /* pm2d will exit, and so shall the keeper (children that live are killed) */
    LINK_UPDATE,    /* string folder of programs ("": the keeper's): replace both  -> UPDATING */

    /* keeper -> pm2d */
    LINK_HELLO_OK = 64, /* u32 version, u32 keeper pid, u32 times pm2d was started, u32 umask and
                           u64 soft RLIMIT_NOFILE of apps (a successor must know them) */
    LINK_SPAWNED,       /* struct link_child; + its fds */
    LINK_SPAWN_FAILED,  /* u64 handle, i32 errno, u32 enum link_stage */
    LINK_EXITED,        /* u64 handle, u32 pid, i32 wait status, u64 exit time (monotonic ms) */
    LINK_SIGNALLED,     /* u64 handle, i32 0 or errno */
    LINK_CHILD,         /* struct link_child; + its fds */
    LINK_STORED,        /* string name; + 1 fd */
    LINK_LIST_END,      /* */
    LINK_TERMINATE,     /* i32 signo: the keeper was told to end (SIGTERM, SIGINT, SIGQUIT) */
    LINK_REOPEN,        /* the keeper got SIGUSR2: reopen log files */
    LINK_ERROR,         /* string text */
    LINK_UPDATING,      /* string: why nothing is replaced; "": pm2d shall exit now, without QUIT */
};

/* Which of a child's fds; also the order in which they travel with SPAWNED and CHILD. */
enum link_fd {
    LINK_FD_PIDFD,
    LINK_FD_STDIN,
    LINK_FD_STDOUT,
    LINK_FD_STDERR,
    LINK_FD_CHANNEL,
    LINK_FD_COUNT
};

/* Where a spawn failed; for the message that the user reads. */
enum link_stage {
    LINK_STAGE_RESOURCES, /* pipes, fork */
    LINK_STAGE_GROUPS,
    LINK_STAGE_GID,
    LINK_STAGE_UID,
    LINK_STAGE_CWD,
    LINK_STAGE_EXEC,
    LINK_STAGE_CGROUP,
    LINK_STAGE_NICE,
    LINK_STAGE_RLIMIT, /* + the number of the resource, RLIMIT_NOFILE for instance */
    LINK_STAGE_COUNT = LINK_STAGE_RLIMIT + LIMIT_LINK_RLIMITS
};

enum link_spawn_flags {
    LINK_SPAWN_CHANNEL = 1, /* a Node channel on the fd behind the sockets: 3 when there are none;
                               NODE_CHANNEL_FD etc. are in `env` already */
    LINK_SPAWN_SET_IDS = 2, /* uid, gid and groups apply */
    LINK_SPAWN_SET_NICE = 4,
    LINK_SPAWN_NEED_CGROUP = 8, /* it has limits: rather no process than one outside */
};

struct link_rlimit {
    uint32_t resource;   /* RLIMIT_NOFILE ... */
    uint64_t soft, hard; /* RLIM_INFINITY = unlimited */
};

struct link_strings {
    size_t count;
    const struct str *items; /* writer: borrowed array */
};

struct link_spawn {
    uint64_t handle;
    uint32_t flags;
    uint32_t uid, gid;
    size_t group_count;
    const uint32_t *groups;
    struct str file; /* absolute path, or a bare name to look up in `search_path` */
    struct str search_path;
    struct str cwd;
    struct str cgroup; /* folder of a cgroup (v2) that the process is to be put in; "" = none */
    struct str note;   /* opaque to the keeper, at most 4 KiB */
    struct link_strings argv;
    struct link_strings env;
    int32_t nice;
    size_t rlimit_count; /* at most LIMIT_LINK_RLIMITS */
    const struct link_rlimit *rlimits;
};

struct link_child {
    uint64_t handle;
    uint32_t pid;
    uint64_t start_ticks; /* field 22 of /proc/PID/stat: identity together with pid */
    uint32_t exited;      /* 1: wait_status and exit_ms are valid */
    int32_t wait_status;
    uint64_t exit_ms; /* of the monotonic clock */
    uint32_t adopted; /* 1: no child of this keeper; its end shows on the pidfd only */
    uint32_t fd_mask; /* bit per enum link_fd: which fds travel with the frame, in that order */
    struct str note;
};

/* Writing. Open a frame, append fields, close it (patches the length). A frame that outgrows
 * LIMIT_LINK_FRAME_BYTES is taken back and counts as OOM (buf_oom). */
size_t link_open(struct buf *out, enum link_type type, uint32_t seq, unsigned nfds);
void link_close(struct buf *out, size_t mark);
void link_put_u32(struct buf *out, uint32_t v);
void link_put_i32(struct buf *out, int32_t v);
void link_put_u64(struct buf *out, uint64_t v);
void link_put_str(struct buf *out, struct str s);
void link_put_spawn(struct buf *out, const struct link_spawn *s);
void link_put_child(struct buf *out, const struct link_child *c);

/* Reading: bytes in, frames out; fds are queued beside (the caller receives them with the bytes and
 * takes `nfds` off its queue per frame). */
struct link_frame {
    uint32_t type, seq;
    unsigned nfds;
    struct str payload; /* borrowed until the next feed or next */
};
struct link_reader {
    struct buf in;
    size_t taken;
    int error;
};
void link_reader_init(struct link_reader *r);
void link_reader_fini(struct link_reader *r);
int link_reader_feed(struct link_reader *r, const void *bytes, size_t n); /* 0, -ENOMEM, sticky */
/* 1 and a frame, 0 = more bytes needed, -EPROTO / -EMSGSIZE sticky. */
int link_reader_next(struct link_reader *r, struct link_frame *ret);

/* Fields of a payload, in order. A field that is not there reads as 0 / "" and sets `bad`. */
struct link_fields {
    struct str rest;
    bool bad;
};
uint32_t link_get_u32(struct link_fields *f);
int32_t link_get_i32(struct link_fields *f);
uint64_t link_get_u64(struct link_fields *f);
struct str link_get_str(struct link_fields *f);
void link_get_child(struct link_fields *f, struct link_child *ret); /* note is borrowed */

/* A parsed spawn request: NUL-terminated vectors ready for execve, in one allocation. */
struct link_spawn_args {
    uint64_t handle;
    uint32_t flags, uid, gid;
    size_t group_count;
    uint32_t *groups;
    char *file, *search_path, *cwd, *cgroup;
    struct str note;
    char **argv, **env;
    int nice;
    size_t rlimit_count;
    struct link_rlimit rlimits[LIMIT_LINK_RLIMITS];
    void *memory;
};
/* 0, -EPROTO (malformed, or a string with a NUL inside), -ENOMEM. `ret` owns; link_spawn_args_fini.
 */
int link_get_spawn(struct link_fields *f, struct link_spawn_args *ret);
void link_spawn_args_fini(struct link_spawn_args *a);

const char *link_stage_text(enum link_stage stage); /* "set working directory", "execute", ... */
