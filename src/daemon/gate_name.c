/* SPDX-License-Identifier: MIT
 * Names of sockets in the keeper's store. Runs in pm2d. */
#include "gate_name.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "json/read.h"
#include "json/write.h"

#define STORED_PREFIX "cluster"

void gate_name_write(const struct slot *s, bool with_data, struct buf *out)
{
    const struct gate *g = s->gate;
    buf_add_c(out, STORED_PREFIX);
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "key", g->key);
    jw_kbool(&w, "udp", s->socket.is_udp);
    jw_kbool(&w, "shared", s->socket.is_shared);
    jw_kstr(&w, "balance", balance_name(g->mode));
    jw_kstr(&w, "app", g->app);
    if (s->socket.path) {
        jw_kstr(&w, "path", s->socket.path);
        jw_kint(&w, "dev", (int64_t)s->socket.own.device);
        jw_kint(&w, "ino", (int64_t)s->socket.own.inode);
    }
    if (g->is_group) {
        jw_kint(&w, "slot", s->index);
        jw_kint(&w, "owner", s->owner);
    }
    if (g->data && with_data)
        jw_kdom(&w, "data", g->data);
    jw_obj_end(&w);
}

bool gate_name_is(struct str name)
{
    return str_starts(name, STR(STORED_PREFIX "{"));
}

static void read_path(struct listener *l, const json_t *about)
{
    int64_t number;
    const char *path = json_get_str(about, "path");
    if (!path)
        return;
    l->path = strdup(path);
    if (json_get_int(about, "dev", &number))
        l->own.device = (dev_t)number;
    if (json_get_int(about, "ino", &number))
        l->own.inode = (ino_t)number;
}

bool gate_name_read(struct str name, struct gate_name *ret)
{
    struct str rest = {name.p + sizeof(STORED_PREFIX) - 1, name.n - (sizeof(STORED_PREFIX) - 1)};
    json_t *about = json_read(rest, NULL);
    bool is_shared = json_get_bool(about, "shared", false);
    *ret = (struct gate_name){
        .about = about,
        .key = json_get_str(about, "key"),
        .app = json_get_str(about, "app"),
        .data = json_object_get(about, "data"),
        .mode = balance_mode_of(json_get_str(about, "balance"), is_shared ? "none" : NULL),
        .owner = -1,
        .socket = {.fd = -1, .is_udp = json_get_bool(about, "udp", false), .is_shared = is_shared},
    };
    ret->is_group = json_get_int(about, "slot", &ret->slot);
    (void)json_get_int(about, "owner", &ret->owner);
    read_path(&ret->socket, about);
    return ret->key && ret->app && ret->slot >= 0 && ret->slot < LIMIT_STEER_SOCKETS &&
           ret->owner >= INT32_MIN && ret->owner <= INT32_MAX;
}

void gate_name_fini(struct gate_name *n)
{
    free(n->socket.path);
    json_decref(n->about);
}
