/* SPDX-License-Identifier: MIT
 * Programs for SO_ATTACH_REUSEPORT_CBPF. No state. */
#include "os/steer.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/limits.h"

#ifndef SO_DETACH_REUSEPORT_BPF
#define SO_DETACH_REUSEPORT_BPF 68
#endif

enum { HEAD_STEPS = 2, STEPS_EACH = 2 };

_Static_assert(HEAD_STEPS + STEPS_EACH * LIMIT_STEER_SOCKETS <= BPF_MAXINSNS,
               "the kernel does not take programs that long");

static int get_flag(int fd, int option)
{
    int value = 0;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

bool steer_is_listening(int fd)
{
    return get_flag(fd, SO_ACCEPTCONN) == 1;
}

static int detach(int fd)
{
    int unused = 0;
    if (setsockopt(fd, SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof(unused)) == 0)
        return 0;
    return errno == ENOENT ? 0 : -errno;
}

/* A = random % n; then "if (A == i) return active[i]" for each but the last, whose turn it is when
 * no other's was. Each jump is a short one, because the program's offsets have 8 bits. */
static size_t write_program(struct sock_filter *to, const unsigned *active, size_t n)
{
    size_t len = 0;
    to[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                             (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
    to[len++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, (uint32_t)n);
    for (size_t i = 0; i + 1 < n; i++) {
        to[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)i, 0, 1);
        to[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, active[i]);
    }
    to[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, active[n - 1]);
    return len;
}

static int attach(int fd, const unsigned *active, size_t n)
{
    struct sock_filter *steps = calloc(HEAD_STEPS + STEPS_EACH * n, sizeof(*steps));
    if (!steps)
        return -ENOMEM;
    struct sock_fprog program = {.filter = steps};
    program.len = (unsigned short)write_program(steps, active, n);
    int rc = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
    rc = rc < 0 ? -errno : 0;
    free(steps);
    return rc;
}

int steer_set(int any_fd, const unsigned *active, size_t n)
{
    if (n > LIMIT_STEER_SOCKETS)
        return -E2BIG;
    /* The kernel would found a new group with a socket that is in none. */
    if (!steer_is_listening(any_fd) || get_flag(any_fd, SO_REUSEPORT) != 1)
        return -EINVAL;
    return n > 0 ? attach(any_fd, active, n) : detach(any_fd);
}
