/* SPDX-License-Identifier: MIT
 * Secrets from descriptors. */
#include "cli/secret_fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/secret.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "json/read.h"

static int read_all(int fd, struct buf *out, struct err *e)
{
    char bytes[4096];
    ssize_t n;
    while ((n = read(fd, bytes, sizeof(bytes))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(e, -errno, "%s", err_text(errno));
        buf_add(out, bytes, (size_t)n);
        if (out->len > LIMIT_SECRET_BYTES)
            return err_set(e, -EFBIG, "more than %d bytes", LIMIT_SECRET_BYTES);
    }
    if (out->len > 0 && out->data[out->len - 1] == '\n') /* as with a file */
        buf_truncate(out, out->len - 1);
    if (out->len > 0 && memchr(out->data, '\0', out->len))
        return err_set(e, -EINVAL, "it holds a NUL byte, which no variable can");
    return 0;
}

/* Borrowed from the cache: two apps may name the same descriptor. */
static const char *text_of(struct cli *cli, const char *variable, int fd)
{
    char key[16];
    struct err e = {0};
    AUTO(buf) text = BUF_INIT;
    snprintf(key, sizeof(key), "%d", fd);
    if (json_has(cli->descriptors, key))
        return json_get_str(cli->descriptors, key);
    buf_add_c(&text, "secret:value:");
    AUTO(buf) value = BUF_INIT;
    int rc = read_all(fd, &value, &e);
    buf_add_str(&text, buf_str(&value));
    if (!cli->descriptors)
        cli->descriptors = json_object();
    if (rc == 0 && (buf_oom(&text) || json_object_set_new(cli->descriptors, key,
                                                          json_stringn(text.data, text.len)) < 0))
        err_set(&e, -EINVAL, "it is not UTF-8");
    if (e.code == 0)
        return json_get_str(cli->descriptors, key);
    ui_error(&cli->ui, "the secret %.*s is not available: descriptor %d: %s",
             (int)strcspn(variable, "="), variable, fd, e.msg);
    return NULL;
}

const char *secret_fd_text(struct cli *cli, const char *variable, const char *text)
{
    struct secret s;
    int rc = secret_parse(text, &s, NULL);
    bool is_fd = rc == 0 && s.kind == SECRET_FD;
    int fd = s.fd;
    secret_fini(&s);
    return is_fd ? text_of(cli, variable, fd) : text;
}

static int fill_block(struct cli *cli, json_t *vars)
{
    const char *key;
    json_t *value;
    json_object_foreach (vars, key, value) {
        AUTO_JSON made = secret_is_object(value) ? secret_from_object(value, NULL) : NULL;
        const char *text = json_string_value(made ? made : value);
        const char *filled = text ? secret_fd_text(cli, key, text) : NULL;
        if (text && !filled)
            return 1;
        if (filled != text && json_object_set_new(vars, key, json_string(filled)) < 0)
            return 1;
    }
    return 0;
}

int secret_fd_apps(struct cli *cli, json_t *apps)
{
    size_t i;
    json_t *app, *value;
    const char *key;
    json_array_foreach (apps, i, app) {
        json_object_foreach (app, key, value) {
            if (strcmp(key, "env") != 0 && strncmp(key, "env_", 4) != 0)
                continue;
            if (fill_block(cli, value) != 0)
                return 1;
        }
    }
    return 0;
}
