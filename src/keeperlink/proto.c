/* SPDX-License-Identifier: MIT
 * The codec of the link: bytes and structs, no I/O. Both ends run it, so that it trusts nothing it
 * reads. */
#include "keeperlink/proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Memory that an idle reader may keep. */
#define READER_KEEP_BYTES (64UL * 1024)

struct header {
    uint32_t length;
    uint16_t type, nfds;
    uint32_t seq;
};
_Static_assert(sizeof(struct header) == LINK_HEADER_BYTES, "the header is sent as it lies");

/* ---- writing ---- */

size_t link_open(struct buf *out, enum link_type type, uint32_t seq, unsigned nfds)
{
    size_t mark = out->len;
    struct header h = {.type = (uint16_t)type, .nfds = (uint16_t)nfds, .seq = seq};
    buf_add(out, &h, sizeof(h));
    return mark;
}

void link_close(struct buf *out, size_t mark)
{
    if (buf_oom(out)) {
        buf_truncate(out, mark);
        return;
    }
    size_t length = out->len - mark - LINK_HEADER_BYTES;
    if (length > LIMIT_LINK_FRAME_BYTES) {
        buf_truncate(out, mark);
        out->oom = true;
        return;
    }
    uint32_t wire_length = (uint32_t)length;
    memcpy(out->data + mark, &wire_length, sizeof(wire_length));
}

void link_put_u32(struct buf *out, uint32_t v)
{
    buf_add(out, &v, sizeof(v));
}

void link_put_i32(struct buf *out, int32_t v)
{
    buf_add(out, &v, sizeof(v));
}

void link_put_u64(struct buf *out, uint64_t v)
{
    buf_add(out, &v, sizeof(v));
}

void link_put_str(struct buf *out, struct str s)
{
    if (s.n > LIMIT_LINK_FRAME_BYTES) {
        out->oom = true;
        return;
    }
    link_put_u32(out, (uint32_t)s.n);
    buf_add_str(out, s);
}

static void put_strings(struct buf *out, struct link_strings list)
{
    link_put_u32(out, (uint32_t)list.count);
    for (size_t i = 0; i < list.count; i++)
        link_put_str(out, list.items[i]);
}

void link_put_spawn(struct buf *out, const struct link_spawn *s)
{
    link_put_u64(out, s->handle);
    link_put_u32(out, s->flags);
    link_put_u32(out, s->uid);
    link_put_u32(out, s->gid);
    link_put_u32(out, (uint32_t)s->group_count);
    buf_add(out, s->groups, s->group_count * sizeof(*s->groups));
    link_put_str(out, s->file);
    link_put_str(out, s->search_path);
    link_put_str(out, s->cwd);
    link_put_str(out, s->cgroup);
    link_put_str(out, s->note);
    put_strings(out, s->argv);
    put_strings(out, s->env);
    link_put_i32(out, s->nice);
    link_put_u32(out, (uint32_t)s->rlimit_count);
    for (size_t i = 0; i < s->rlimit_count; i++) {
        link_put_u32(out, s->rlimits[i].resource);
        link_put_u64(out, s->rlimits[i].soft);
        link_put_u64(out, s->rlimits[i].hard);
    }
}

void link_put_child(struct buf *out, const struct link_child *c)
{
    link_put_u64(out, c->handle);
    link_put_u32(out, c->pid);
    link_put_u64(out, c->start_ticks);
    link_put_u32(out, c->exited);
    link_put_i32(out, c->wait_status);
    link_put_u64(out, c->exit_ms);
    link_put_u32(out, c->adopted);
    link_put_u32(out, c->fd_mask);
    link_put_str(out, c->note);
}

/* ---- reading: frames ---- */

void link_reader_init(struct link_reader *r)
{
    *r = (struct link_reader){.in = BUF_INIT};
}

void link_reader_fini(struct link_reader *r)
{
    buf_fini(&r->in);
    link_reader_init(r);
}

/* Forget the frames that were taken. */
static void drop_taken(struct link_reader *r)
{
    if (r->taken == r->in.len) {
        buf_clear(&r->in);
        buf_trim(&r->in, READER_KEEP_BYTES);
    } else {
        buf_consume(&r->in, r->taken);
    }
    r->taken = 0;
}

int link_reader_feed(struct link_reader *r, const void *bytes, size_t n)
{
    if (r->error < 0)
        return r->error;
    if (r->taken > 0)
        drop_taken(r);
    buf_add(&r->in, bytes, n);
    if (buf_oom(&r->in))
        r->error = -ENOMEM;
    return r->error;
}

int link_reader_next(struct link_reader *r, struct link_frame *ret)
{
    if (r->error < 0)
        return r->error;
    struct header h;
    size_t left = r->in.len - r->taken;
    if (left >= sizeof(h)) {
        memcpy(&h, r->in.data + r->taken, sizeof(h));
        if (h.length > LIMIT_LINK_FRAME_BYTES)
            return r->error = -EMSGSIZE;
        if (h.nfds > LIMIT_LINK_FDS || h.type == 0)
            return r->error = -EPROTO;
        if (left - sizeof(h) >= h.length) {
            *ret = (struct link_frame){
                h.type, h.seq, h.nfds, {r->in.data + r->taken + sizeof(h), h.length}};
            r->taken += sizeof(h) + h.length;
            return 1;
        }
    }
    if (left == 0 && r->taken > 0)
        drop_taken(r);
    return 0;
}

/* ---- reading: fields ---- */

static void get_bytes(struct link_fields *f, void *to, size_t n)
{
    if (f->rest.n < n) {
        f->bad = true;
        f->rest.n = 0;
        memset(to, 0, n);
        return;
    }
    memcpy(to, f->rest.p, n);
    f->rest = (struct str){f->rest.p + n, f->rest.n - n};
}

uint32_t link_get_u32(struct link_fields *f)
{
    uint32_t v;
    get_bytes(f, &v, sizeof(v));
    return v;
}

int32_t link_get_i32(struct link_fields *f)
{
    int32_t v;
    get_bytes(f, &v, sizeof(v));
    return v;
}

uint64_t link_get_u64(struct link_fields *f)
{
    uint64_t v;
    get_bytes(f, &v, sizeof(v));
    return v;
}

struct str link_get_str(struct link_fields *f)
{
    uint32_t n = link_get_u32(f);
    if (n > f->rest.n) {
        f->bad = true;
        f->rest.n = 0;
        return STR("");
    }
    struct str s = {f->rest.p, n};
    f->rest = (struct str){f->rest.p + n, f->rest.n - n};
    return n > 0 ? s : STR("");
}

void link_get_child(struct link_fields *f, struct link_child *ret)
{
    ret->handle = link_get_u64(f);
    ret->pid = link_get_u32(f);
    ret->start_ticks = link_get_u64(f);
    ret->exited = link_get_u32(f);
    ret->wait_status = link_get_i32(f);
    ret->exit_ms = link_get_u64(f);
    ret->adopted = link_get_u32(f);
    ret->fd_mask = link_get_u32(f);
    ret->note = link_get_str(f);
}

/* ---- reading: a spawn request ---- */

/* What the one allocation must hold. */
struct spawn_size {
    size_t groups, argc, envc, bytes;
};

static void measure_c(struct link_fields *f, struct spawn_size *size)
{
    struct str s = link_get_str(f);
    if (memchr(s.p, '\0', s.n))
        f->bad = true;
    size->bytes += s.n + 1;
}

static size_t measure_list(struct link_fields *f, struct spawn_size *size)
{
    size_t count = link_get_u32(f);
    if (count > f->rest.n / sizeof(uint32_t))
        f->bad = true;
    for (size_t i = 0; i < count && !f->bad; i++)
        measure_c(f, size);
    return count;
}

/* What version 2 has appended. False when it is malformed. */
static bool get_resources(struct link_fields *f, struct link_spawn_args *ret)
{
    if (f->rest.n == 0)
        return true;
    ret->nice = link_get_i32(f);
    ret->rlimit_count = link_get_u32(f);
    if (ret->rlimit_count > LIMIT_LINK_RLIMITS)
        return false;
    for (size_t i = 0; i < ret->rlimit_count; i++) {
        ret->rlimits[i].resource = link_get_u32(f);
        ret->rlimits[i].soft = link_get_u64(f);
        ret->rlimits[i].hard = link_get_u64(f);
    }
    return !f->bad;
}

/* Works on a copy of the fields. False when the request is malformed. */
static bool measure_spawn(struct link_fields f, struct spawn_size *size)
{
    *size = (struct spawn_size){0};
    (void)link_get_u64(&f); /* handle */
    for (int i = 0; i < 3; i++)
        (void)link_get_u32(&f); /* flags, uid, gid */
    size->groups = link_get_u32(&f);
    if (f.bad || size->groups > f.rest.n / sizeof(uint32_t))
        return false;
    f.rest = (struct str){f.rest.p + size->groups * sizeof(uint32_t),
                          f.rest.n - size->groups * sizeof(uint32_t)};
    for (int i = 0; i < 4; i++)
        measure_c(&f, size); /* file, search_path, cwd, cgroup */
    struct str note = link_get_str(&f);
    if (note.n > LIMIT_LINK_NOTE_BYTES)
        return false;
    size->bytes += note.n + 1;
    size->argc = measure_list(&f, size);
    size->envc = measure_list(&f, size);
    struct link_spawn_args resources;
    return !f.bad && size->argc > 0 && get_resources(&f, &resources);
}

static struct str copy_str(struct link_fields *f, char **at)
{
    struct str s = link_get_str(f);
    char *copy = *at;
    memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    *at += s.n + 1;
    return (struct str){copy, s.n};
}

static char *copy_c(struct link_fields *f, char **at)
{
    return (char *)copy_str(f, at).p;
}

static void copy_list(struct link_fields *f, char **list, char **at)
{
    size_t count = link_get_u32(f);
    for (size_t i = 0; i < count; i++)
        list[i] = copy_c(f, at);
    list[count] = NULL;
}

int link_get_spawn(struct link_fields *f, struct link_spawn_args *ret)
{
    *ret = (struct link_spawn_args){0};
    struct spawn_size size;
    if (!measure_spawn(*f, &size))
        return -EPROTO;
    size_t pointers = size.argc + 1 + size.envc + 1;
    size_t groups_at = pointers * sizeof(char *);
    size_t bytes_at = groups_at + size.groups * sizeof(uint32_t);
    char *memory = malloc(bytes_at + size.bytes);
    if (!memory)
        return -ENOMEM;
    char *at = memory + bytes_at;
    ret->memory = memory;
    ret->argv = (char **)(void *)memory;
    ret->env = ret->argv + size.argc + 1;
    ret->groups = (uint32_t *)(void *)(memory + groups_at);
    ret->handle = link_get_u64(f);
    ret->flags = link_get_u32(f);
    ret->uid = link_get_u32(f);
    ret->gid = link_get_u32(f);
    ret->group_count = link_get_u32(f);
    get_bytes(f, ret->groups, ret->group_count * sizeof(uint32_t));
    ret->file = copy_c(f, &at);
    ret->search_path = copy_c(f, &at);
    ret->cwd = copy_c(f, &at);
    ret->cgroup = copy_c(f, &at);
    ret->note = copy_str(f, &at);
    copy_list(f, ret->argv, &at);
    copy_list(f, ret->env, &at);
    (void)get_resources(f, ret);
    return 0;
}

void link_spawn_args_fini(struct link_spawn_args *a)
{
    free(a->memory);
    *a = (struct link_spawn_args){0};
}

const char *link_stage_text(enum link_stage stage)
{
    static const char *const texts[LINK_STAGE_COUNT] = {
        [LINK_STAGE_RESOURCES] = "create a process", [LINK_STAGE_GROUPS] = "set groups",
        [LINK_STAGE_GID] = "set group id",           [LINK_STAGE_UID] = "set user id",
        [LINK_STAGE_CWD] = "set working directory",  [LINK_STAGE_EXEC] = "execute",
        [LINK_STAGE_CGROUP] = "enter the cgroup",    [LINK_STAGE_NICE] = "set nice",
        [LINK_STAGE_RLIMIT] = "set a limit",
    };
    if (stage > LINK_STAGE_RLIMIT && stage < LINK_STAGE_COUNT)
        stage = LINK_STAGE_RLIMIT;
    return (unsigned)stage < LINK_STAGE_COUNT ? texts[stage] : "start";
}
