/* SPDX-License-Identifier: MIT
 * The attribute `listen`: addresses at which pm2d opens sockets for an app, which gets them as
 * descriptors 3 and following, in the way of systemd (sd_listen_fds(3)). Pure.
 *
 *   "8080"  "*:8080"              any address of this machine, both families
 *   "127.0.0.1:8080"  "localhost:8080"
 *   "[::1]:8080"
 *   "unix:/run/x.sock"            a UNIX socket, absolute path
 *
 * In a conf they stand as listen_write() writes them: equal addresses are equal texts. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum listen_kind { LISTEN_ANY, LISTEN_V4, LISTEN_V6, LISTEN_UNIX };

struct listen_address {
    enum listen_kind kind;
    char host[72];    /* of V4 and V6: a numeric address, maybe with a scope; else "" */
    int port;         /* 1 to 65535; 0 = UNIX */
    const char *path; /* of UNIX: inside the text that was parsed */
};

/* 0, or -EINVAL (-ENAMETOOLONG) with `e`, whose text names `text` and says what is wrong. */
int listen_parse(const char *text, struct listen_address *ret, struct err *e);
void listen_write(const struct listen_address *a, struct buf *out);
/* One word for LISTEN_FDNAMES: the port, or the last part of the path without ':'. */
void listen_write_name(const struct listen_address *a, struct buf *out);

/* What a user gives (number, text with blanks or commas between, list of both) as a list of texts
 * without two that are equal. New reference, or NULL with `e`; on OOM e->code is 0. */
json_t *listen_convert(const json_t *value, struct err *e);

/* The addresses of a conf: how many, and each (NULL beyond the last). */
size_t listen_count(const json_t *conf);
const char *listen_text(const json_t *conf, size_t i);
