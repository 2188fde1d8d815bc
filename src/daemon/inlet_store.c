/* SPDX-License-Identifier: MIT
 * The name under which the keeper holds a socket of an app, and what becomes of it when a new pm2d
 * reads it. Runs in pm2d.
 *
 * Name: "listen" and an object:
 * {"app":A,"ns":N,"at":TEXT,"id":PM_ID,"side":S,"n":PLACE,"v":VERSION} and of a UNIX socket
 * {"path":P,"dev":N,"ino":N}. It says all that cannot be asked of the socket.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "link.h"
#include "sockets_priv.h"
#include "json/read.h"
#include "json/write.h"

#define STORED_PREFIX "listen"

static size_t place_of(const struct seat *s)
{
    size_t at = 0;
    while (s->inlet->seats[at] != s)
        at++;
    return at;
}

void seat_unstore(struct seat *s)
{
    if (s->stored_as)
        link_unstore(s->inlet->owner->env->link, s->stored_as);
    free(s->stored_as);
    s->stored_as = NULL;
}

static void write_name(const struct seat *s, struct buf *out)
{
    buf_add_c(out, STORED_PREFIX);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "app", s->inlet->app);
    jw_kstr(&w, "ns", s->inlet->ns);
    jw_kstr(&w, "at", s->inlet->text);
    jw_kint(&w, "id", s->pm_id);
    jw_kint(&w, "side", s->side);
    jw_kint(&w, "n", (int64_t)place_of(s));
    jw_kint(&w, "v", s->version);
    if (s->socket.path) {
        jw_kstr(&w, "path", s->socket.path);
        jw_kint(&w, "dev", (int64_t)s->socket.own.device);
        jw_kint(&w, "ino", (int64_t)s->socket.own.inode);
    }
    jw_obj_end(&w);
}

void seat_store(struct seat *s)
{
    AUTO(buf) name = BUF_INIT;
    s->version++;
    write_name(s, &name);
    int rc =
        buf_oom(&name) ? -ENOMEM : link_store(s->inlet->owner->env->link, name.data, s->socket.fd);
    if (rc < 0) {
        log_error("the keeper does not hold %s: %s", s->inlet->text, err_text(rc));
        return;
    }
    seat_unstore(s);
    s->stored_as = buf_detach(&name);
}

static int64_t number(const json_t *about, const char *key)
{
    int64_t v;
    return json_get_int(about, key, &v) ? v : 0;
}

static void read_path(struct listener *l, const json_t *about)
{
    const char *path = json_get_str(about, "path");
    if (!path)
        return;
    l->path = strdup(path);
    l->own.device = (dev_t)number(about, "dev");
    l->own.inode = (ino_t)number(about, "ino");
}

static struct seat *adopt(struct sockets *ss, const json_t *about, struct listener *take_socket)
{
    const char *app = json_get_str(about, "app");
    const char *ns = json_get_str(about, "ns");
    const char *text = json_get_str(about, "at");
    struct inlet *in = text ? inlet_find(ss, text) : NULL;
    if (!in && app && ns && text)
        in = inlet_new(ss, app, ns, text);
    if (!in || (in->at.kind == LISTEN_UNIX && !take_socket->path)) {
        listener_release(take_socket);
        return NULL;
    }
    struct seat *s =
        seat_add(in, (int)number(about, "id"), number(about, "side") != 0, take_socket);
    if (s) {
        s->place = (size_t)number(about, "n");
        s->version = (unsigned)number(about, "v");
    }
    return s;
}

bool inlet_adopt(struct sockets *ss, struct str name, int take_fd)
{
    struct str rest = name;
    if (!str_starts(name, STR(STORED_PREFIX "{")))
        return false;
    rest.p += sizeof(STORED_PREFIX) - 1;
    rest.n -= sizeof(STORED_PREFIX) - 1;
    AUTO_JSON about = json_read(rest, NULL);
    struct listener socket = {.fd = take_fd};
    read_path(&socket, about);
    struct seat *s = adopt(ss, about, &socket);
    if (s)
        s->stored_as = strndup(name.p, name.n);
    else
        log_error("what the keeper holds as %.*s cannot be used", STR_ARG(name));
    return true;
}

static int by_place(const void *a, const void *b)
{
    const struct seat *x = *(struct seat *const *)a;
    const struct seat *y = *(struct seat *const *)b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->version > y->version ? -1 : x->version < y->version;
}

/* A name that was about to be taken back when pm2d died. */
static bool is_outdated(const struct seat *s)
{
    const struct inlet *in = s->inlet;
    for (size_t i = 0; i < in->count; i++) {
        const struct seat *other = in->seats[i];
        if (other->pm_id == s->pm_id && other->side == s->side && other->version > s->version)
            return true;
    }
    return false;
}

/* A hole is the place of one that was closed and whose successor in it was not noted any more: the
 * last one. */
void inlet_sort(struct inlet *in)
{
    for (size_t i = 0; i < in->count;) {
        struct seat *s = in->seats[i];
        if (!is_outdated(s)) {
            i++;
            continue;
        }
        seat_unstore(s);
        seat_close(s, false);
    }
    qsort(in->seats, in->count, sizeof(struct seat *), by_place);
    for (size_t i = 0; i + 1 < in->count; i++) {
        if (in->seats[i]->place == i)
            continue;
        struct seat *last = in->seats[in->count - 1];
        memmove(&in->seats[i + 1], &in->seats[i], (in->count - 1 - i) * sizeof(struct seat *));
        in->seats[i] = last;
    }
    for (size_t i = 0; i < in->count; i++)
        if (in->seats[i]->place != i)
            seat_store(in->seats[i]);
}
