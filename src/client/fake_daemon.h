/* SPDX-License-Identifier: MIT
 * For the tests of this folder: a home of their own, and the parts of a daemon of a few lines. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "wire/rpc.h"

#define FAKE_HOME_BYTES 64

static inline void fake_home_make(char *ret)
{
    snprintf(ret, FAKE_HOME_BYTES, "/tmp/pm2c-client-XXXXXX");
    assert_non_null(mkdtemp(ret));
}

/* Remove it with what clients and daemons leave there; anything else is a mistake. */
static inline void fake_home_remove(const char *home)
{
    static const char *const leavings[] = {"rpc.sock", "pub.sock", "pm2.pid", ".launch.lock",
                                           "logs",     "pids",     "modules", "module_conf.json"};
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(leavings); i++) {
        snprintf(path, sizeof(path), "%s/%s", home, leavings[i]);
        if (unlink(path) < 0)
            rmdir(path);
    }
    assert_int_equal(rmdir(home), 0);
}

static inline int listen_on(const char *home, const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", home, name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

static inline void answer(int fd, struct str id, const char *body)
{
    struct buf out = BUF_INIT;
    size_t mark = rpc_reply_open(&out);
    buf_add_c(&out, body);
    rpc_reply_close(&out, mark, id);
    (void)!write(fd, out.data, out.len);
    buf_fini(&out);
}

/* Wait for the next request on `fd`; false when the client is gone. The id is copied. */
static inline bool next_request(int fd, struct amp_reader *r, struct buf *ret_id, char *ret_method)
{
    struct amp_msg m;
    char bytes[4096];
    while (amp_reader_next(r, &m) != 1) {
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n <= 0)
            return false;
        (void)amp_reader_feed(r, bytes, (size_t)n);
    }
    struct rpc_request rq;
    struct err e;
    if (rpc_request_parse(&m, &rq, &e) < 0)
        return false;
    buf_clear(ret_id);
    buf_add_str(ret_id, rq.id);
    snprintf(ret_method, 32, "%s", rq.method);
    rpc_request_fini(&rq);
    return true;
}
