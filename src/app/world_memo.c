/* SPDX-License-Identifier: MIT
 * Answers about paths, kept. Pure: who asks the machine is the world below. */
#include "app/world_memo.h"

static enum file_kind memo_kind(void *ctx, const char *path, int *ret_code)
{
    struct world_memo *m = ctx;
    const json_t *known = json_object_get(m->kinds, path);
    if (known) {
        /* The kind or, as negative number, the errno of a path that is not there. */
        json_int_t answer = json_integer_value(known);
        *ret_code = answer < 0 ? (int)answer : 0;
        return answer < 0 ? FILE_NONE : (enum file_kind)answer;
    }
    enum file_kind kind = m->real->kind(m->real->ctx, path, ret_code);
    (void)json_object_set_new(m->kinds, path, json_integer(*ret_code < 0 ? *ret_code : (int)kind));
    return kind;
}

static bool ask(json_t *answers, bool (*real)(void *ctx, const char *path), void *ctx,
                const char *path)
{
    const json_t *known = json_object_get(answers, path);
    if (known)
        return json_is_true(known);
    bool answer = real(ctx, path);
    (void)json_object_set_new(answers, path, json_boolean(answer));
    return answer;
}

static bool memo_is_executable(void *ctx, const char *path)
{
    struct world_memo *m = ctx;
    return ask(m->executables, m->real->is_executable, m->real->ctx, path);
}

static bool memo_is_readable(void *ctx, const char *path)
{
    struct world_memo *m = ctx;
    return ask(m->readables, m->real->is_readable, m->real->ctx, path);
}

static long memo_read_head(void *ctx, const char *path, void *buf, size_t n)
{
    const struct world_memo *m = ctx;
    return m->real->read_head(m->real->ctx, path, buf, n);
}

static int memo_find_user(void *ctx, const char *user, const char *group, long long *ret_uid,
                          long long *ret_gid, char *home, size_t home_size, struct err *e)
{
    const struct world_memo *m = ctx;
    return m->real->find_user(m->real->ctx, user, group, ret_uid, ret_gid, home, home_size, e);
}

void world_memo_init(struct world_memo *m, const struct app_world *real)
{
    *m = (struct world_memo){.world = *real,
                             .real = real,
                             .kinds = json_object(),
                             .executables = json_object(),
                             .readables = json_object()};
    m->world.ctx = m;
    m->world.kind = memo_kind;
    m->world.is_executable = memo_is_executable;
    m->world.is_readable = memo_is_readable;
    m->world.read_head = memo_read_head;
    m->world.find_user = memo_find_user;
}

void world_memo_fini(struct world_memo *m)
{
    json_decref(m->kinds);
    json_decref(m->executables);
    json_decref(m->readables);
}
