/* SPDX-License-Identifier: MIT
 * Sockets where apps find us. Runs in pm2d. */
#include "door.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/log.h"
#include "base/obj.h"
#include "os/fd.h"
#include "os/local_socket.h"
#include "proc.h"
#include "json/read.h"

#define DOOR_MAGIC      OBJ_MAGIC('D', 'O', 'O', 'R')
#define END_MAGIC       OBJ_MAGIC('N', 'E', 'N', 'D')
#define STORED_NAME_MAX 64

enum end_kind { END_FILE, END_ABSTRACT, END_COUNT };

/* In the keeper's store, behind the name of the door. */
static const char *const end_names[END_COUNT] = {"file", "abstract"};

struct end {
    uint32_t magic;
    struct door *owner;
    int fd; /* -1 = not made */
    uv_poll_t poll;
    char stored_name[STORED_NAME_MAX];
    char address[LOCAL_ADDRESS_MAX];
};

struct door {
    uint32_t magic;
    const struct door_kind *kind;
    struct proc_env *env;
    void *ctx;
    struct end ends[END_COUNT];
    int open_handles;
    bool has_warned;
};

struct door *door_new(const struct door_kind *kind, struct proc_env *env, void *ctx)
{
    struct door *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->magic = DOOR_MAGIC;
    d->kind = kind;
    d->env = env;
    d->ctx = ctx;
    for (int i = 0; i < END_COUNT; i++) {
        d->ends[i] = (struct end){.magic = END_MAGIC, .owner = d, .fd = -1};
        snprintf(d->ends[i].stored_name, STORED_NAME_MAX, "%s.%s", kind->name, end_names[i]);
    }
    return d;
}

/* ---- its sockets ---- */

static void on_end_readable(uv_poll_t *h, int status, int events)
{
    (void)status;
    (void)events;
    struct end *e = OBJ(h->data, struct end, END_MAGIC);
    e->owner->kind->readable(e->owner->ctx, e->fd);
}

/* On the loop with it. Takes `fd` in any case. */
static int use_socket(struct end *e, int take_fd)
{
    int rc = local_socket_address(take_fd, e->address);
    if (rc == 0)
        rc = uv_poll_init(e->owner->env->loop, &e->poll, take_fd);
    if (rc < 0) {
        fd_close(&take_fd);
        return rc;
    }
    e->fd = take_fd;
    e->poll.data = e;
    e->owner->open_handles++;
    return uv_poll_start(&e->poll, UV_READABLE, on_end_readable);
}

/* Have the keeper hold it too. */
static void hold(const struct end *e)
{
    int rc = link_store(e->owner->env->link, e->stored_name, e->fd);
    if (rc < 0)
        log_error("the keeper does not hold %s: %s", e->stored_name, err_text(rc));
}

static int make_socket(struct door *d, enum end_kind kind)
{
    AUTO(buf) path = BUF_INIT;
    char prefix[STORED_NAME_MAX];
    buf_printf(&path, "%s/%s", d->env->paths.home, d->kind->file);
    snprintf(prefix, sizeof(prefix), "pm2c-%s-", d->kind->name);
    int fd = kind == END_FILE ? local_socket_at(path.data, d->kind->type)
                              : local_socket_abstract(prefix, d->kind->type, d->ends[kind].address);
    int rc = fd < 0 ? fd : use_socket(&d->ends[kind], fd);
    if (rc == 0)
        hold(&d->ends[kind]);
    return rc;
}

bool door_take_stored(struct door *d, struct str name, int take_fd)
{
    for (int i = 0; i < END_COUNT; i++) {
        struct end *e = &d->ends[i];
        if (!str_eq_c(name, e->stored_name) || e->fd >= 0)
            continue;
        int rc = use_socket(e, take_fd);
        if (rc < 0)
            log_warn("%s cannot be used any more: %s", e->stored_name, err_text(rc));
        return true;
    }
    return false;
}

void door_rehome(struct door *d)
{
    for (int i = 0; i < END_COUNT; i++)
        if (d->ends[i].fd >= 0)
            hold(&d->ends[i]);
}

void door_look(struct door *d)
{
    for (int i = 0; i < END_COUNT; i++)
        if (d->ends[i].fd >= 0)
            d->kind->readable(d->ctx, d->ends[i].fd);
}

/* ---- the end ---- */

static void door_free(struct door *d)
{
    d->kind->closed(d->ctx);
    free(d);
}

static void on_end_closed(uv_handle_t *h)
{
    struct end *e = OBJ(h->data, struct end, END_MAGIC);
    struct door *d = e->owner;
    fd_close(&e->fd); /* not before: libuv takes the number out of epoll as it closes */
    if (--d->open_handles == 0)
        door_free(d);
}

void door_close(struct door *d, bool for_good)
{
    if (for_good && d->ends[END_FILE].fd >= 0)
        (void)unlink(d->ends[END_FILE].address);
    if (d->open_handles == 0)
        door_free(d);
    else
        for (int i = 0; i < END_COUNT; i++)
            if (d->ends[i].fd >= 0)
                uv_close((uv_handle_t *)&d->ends[i].poll, on_end_closed);
}

/* ---- for processes ---- */

const char *door_address(struct door *d, const struct proc *p)
{
    size_t path_bytes = strlen(d->env->paths.home) + 1 + strlen(d->kind->file);
    bool by_file = !json_has(p->conf, "uid") && path_bytes <= LIMIT_SOCKET_PATH;
    struct end *e = &d->ends[by_file ? END_FILE : END_ABSTRACT];
    int rc = e->fd >= 0 ? 0 : make_socket(d, by_file ? END_FILE : END_ABSTRACT);
    if (rc < 0 && !d->has_warned) {
        d->has_warned = true;
        log_warn("apps get no %s: %s", d->kind->variable, err_text(rc));
    }
    return e->fd >= 0 ? e->address : NULL;
}

static bool is_ours(const struct door *d, const char *address)
{
    for (int i = 0; i < END_COUNT; i++)
        if (d->ends[i].fd >= 0 && strcmp(d->ends[i].address, address) == 0)
            return true;
    return false;
}

int door_set_variable(const struct door *d, json_t *env, const char *address)
{
    size_t n = strlen(d->kind->variable);
    for (size_t i = json_array_size(env); i-- > 0;) {
        const char *text = json_string_value(json_array_get(env, i));
        if (strncmp(text, d->kind->variable, n) != 0 || text[n] != '=')
            continue;
        if (address || is_ours(d, text + n + 1))
            json_array_remove(env, i);
    }
    if (!address)
        return 0;
    json_t *text = json_sprintf("%s=%s", d->kind->variable, address);
    return json_array_append_new(env, text) < 0 ? -ENOMEM : 0;
}
