/* SPDX-License-Identifier: MIT
 * The link codec: round trips, caps, and input from an enemy: cut, flipped and random bytes, and
 * every allocation failing once. (malloc and realloc are wrapped by the linker.) */
#include "keeperlink/proto.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_realloc(void *p, size_t n);

static long fail_at = -1; /* the how manieth allocation from now fails; -1 none */

static bool fails_now(void)
{
    return fail_at >= 0 && fail_at-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}

static const struct str argv_items[] = {{"node", 4}, {"a b", 3}, {"", 0}};
static const struct str env_items[] = {{"A=1", 3}, {"B=\n", 3}};
static const uint32_t group_items[] = {4, 24};

static const struct link_rlimit rlimit_items[] = {{7, 100, 1ULL << 40}, {4, 0, UINT64_MAX}};

static const struct link_spawn sample = {
    .handle = 0x1234567890ULL,
    .flags = LINK_SPAWN_CHANNEL | LINK_SPAWN_SET_IDS,
    .uid = 1000,
    .gid = 1001,
    .group_count = 2,
    .groups = group_items,
    .file = {"node", 4},
    .search_path = {"/bin", 4},
    .cwd = {"/tmp", 4},
    .cgroup = {"/sys/fs/cgroup/x", 16},
    .note = {"n\0te", 4},
    .argv = {3, argv_items},
    .env = {2, env_items},
    .nice = -20,
    .rlimit_count = 2,
    .rlimits = rlimit_items,
};

static void put_sample(struct buf *out, const struct link_spawn *s)
{
    size_t mark = link_open(out, LINK_SPAWN, 77, 0);
    link_put_spawn(out, s);
    link_close(out, mark);
}

static int read_sample(struct str bytes, struct link_spawn_args *ret)
{
    struct link_reader r;
    struct link_frame f;
    link_reader_init(&r);
    int rc = link_reader_feed(&r, bytes.p, bytes.n);
    if (rc == 0)
        rc = link_reader_next(&r, &f);
    if (rc == 1)
        rc = link_get_spawn(&(struct link_fields){.rest = f.payload}, ret);
    else if (rc == 0)
        rc = -EAGAIN;
    link_reader_fini(&r);
    return rc;
}

static void spawn_round_trip(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    struct link_spawn_args a = {0};
    put_sample(&out, &sample);
    assert_int_equal(read_sample(buf_str(&out), &a), 0);
    assert_true(a.handle == sample.handle);
    assert_int_equal(a.flags, 3);
    assert_int_equal(a.uid, 1000);
    assert_int_equal(a.gid, 1001);
    assert_int_equal(a.group_count, 2);
    assert_int_equal(a.groups[1], 24); /* NOLINT(clang-analyzer-core.NullDereference) */
    assert_string_equal(a.file, "node");
    assert_string_equal(a.search_path, "/bin");
    assert_string_equal(a.cwd, "/tmp");
    assert_string_equal(a.cgroup, "/sys/fs/cgroup/x");
    assert_int_equal(a.note.n, 4);
    assert_memory_equal(a.note.p, "n\0te", 4);
    assert_string_equal(a.argv[1], "a b");
    assert_string_equal(a.argv[2], "");
    assert_null(a.argv[3]);
    assert_string_equal(a.env[1], "B=\n");
    assert_null(a.env[2]);
    assert_int_equal(a.nice, -20);
    assert_int_equal(a.rlimit_count, 2);
    assert_int_equal(a.rlimits[0].resource, 7);
    assert_true(a.rlimits[0].soft == 100 && a.rlimits[0].hard == 1ULL << 40);
    assert_true(a.rlimits[1].hard == UINT64_MAX);
    link_spawn_args_fini(&a);
    link_spawn_args_fini(&a);
}

/* Bytes of nice, the count and two limits at the end. */
#define RESOURCE_BYTES (2 * sizeof(uint32_t) + 2 * (sizeof(uint32_t) + 2 * sizeof(uint64_t)))

static void spawn_of_version_1(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    struct link_spawn_args a;
    link_put_spawn(&out, &sample);
    buf_truncate(&out, out.len - RESOURCE_BYTES);
    struct link_fields in = {.rest = buf_str(&out)};
    assert_int_equal(link_get_spawn(&in, &a), 0);
    assert_string_equal(a.env[1], "B=\n");
    assert_int_equal(a.nice, 0);
    assert_int_equal(a.rlimit_count, 0);
    link_spawn_args_fini(&a);
}

static void too_many_limits(void **state)
{
    (void)state;
    struct link_rlimit many[LIMIT_LINK_RLIMITS + 1] = {{0}};
    struct link_spawn s = sample;
    s.rlimits = many;
    for (unsigned more = 0; more < 2; more++) {
        AUTO(buf) out = BUF_INIT;
        struct link_spawn_args a;
        s.rlimit_count = LIMIT_LINK_RLIMITS + more;
        put_sample(&out, &s);
        assert_int_equal(read_sample(buf_str(&out), &a), more ? -EPROTO : 0);
        link_spawn_args_fini(&a);
    }
}

static void child_round_trip(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    const struct link_child c = {9, 42, 1ULL << 40, 1, -5, 1ULL << 41, 1, 0x1f, {"note", 4}};
    struct link_child back;
    link_put_child(&out, &c);
    link_put_u32(&out, 99); /* a newer peer's field */
    struct link_fields in = {.rest = buf_str(&out)};
    link_get_child(&in, &back);
    assert_false(in.bad);
    assert_int_equal(back.pid, 42);
    assert_int_equal(back.wait_status, -5);
    assert_true(back.exit_ms == 1ULL << 41);
    assert_true(str_eq_c(back.note, "note"));
    in = (struct link_fields){.rest = {out.data, 10}};
    link_get_child(&in, &back);
    assert_true(in.bad);
    assert_int_equal(back.note.n, 0);
}

static void frames_byte_by_byte(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    struct link_reader r;
    struct link_frame f;
    link_close(&out, link_open(&out, LINK_LIST, 5, 0));
    size_t mark = link_open(&out, LINK_STORE, 6, 1);
    link_put_str(&out, STR("tcp:80"));
    link_close(&out, mark);
    link_reader_init(&r);
    unsigned seen = 0;
    for (size_t i = 0; i < out.len; i++) {
        assert_int_equal(link_reader_feed(&r, out.data + i, 1), 0);
        while (link_reader_next(&r, &f) == 1) {
            seen++;
            assert_int_equal(f.type, seen == 1 ? LINK_LIST : LINK_STORE);
            assert_int_equal(f.seq, 4 + seen);
            assert_int_equal(f.nfds, seen - 1);
            assert_int_equal(f.payload.n, seen == 1 ? 0 : 10);
        }
    }
    assert_int_equal(seen, 2);
    link_reader_fini(&r);
}

static void bad_headers_are_final(void **state)
{
    (void)state;
    static const struct {
        uint32_t length;
        uint16_t type, nfds;
        int code;
    } bad[] = {
        {LIMIT_LINK_FRAME_BYTES + 1, LINK_LIST, 0, -EMSGSIZE},
        {0, LINK_LIST, LIMIT_LINK_FDS + 1, -EPROTO},
        {0, 0, 0, -EPROTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct link_reader r;
        struct link_frame f;
        uint32_t seq = 1;
        link_reader_init(&r);
        link_reader_feed(&r, &bad[i].length, 4);
        link_reader_feed(&r, &bad[i].type, 2);
        link_reader_feed(&r, &bad[i].nfds, 2);
        link_reader_feed(&r, &seq, 4);
        assert_int_equal(link_reader_next(&r, &f), bad[i].code);
        assert_int_equal(link_reader_next(&r, &f), bad[i].code);
        assert_int_equal(link_reader_feed(&r, "x", 1), bad[i].code);
        link_reader_fini(&r);
    }
}

static void oversized_frames_are_taken_back(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    link_close(&out, link_open(&out, LINK_LIST, 1, 0));
    char *big = calloc(1, LIMIT_LINK_FRAME_BYTES);
    size_t mark = link_open(&out, LINK_FATAL, 1, 0);
    link_put_str(&out, (struct str){big, LIMIT_LINK_FRAME_BYTES});
    link_close(&out, mark);
    assert_true(buf_oom(&out));
    assert_int_equal(out.len, LINK_HEADER_BYTES);
    free(big);
}

static void malformed_spawns(void **state)
{
    (void)state;
    struct link_spawn_args a = {0};
    struct link_spawn s[4] = {sample, sample, sample, sample};
    char note[LIMIT_LINK_NOTE_BYTES + 1] = "";
    s[0].file = (struct str){"no\0de", 5};
    s[1].argv.count = 0;
    s[2].env.items = (const struct str[]){{"A=1", 3}, {"\0", 1}};
    s[3].note = (struct str){note, sizeof(note)};
    for (size_t i = 0; i < ARRAY_LEN(s); i++) {
        AUTO(buf) out = BUF_INIT;
        put_sample(&out, &s[i]);
        assert_int_equal(read_sample(buf_str(&out), &a), -EPROTO);
        assert_null(a.memory);
    }
}

/* Exact copies on the heap, so that the sanitizer sees a read past the end. */
static void assert_harmless(const char *bytes, size_t n)
{
    char *copy = malloc(n ? n : 1);
    memcpy(copy, bytes, n);
    struct link_spawn_args a;
    struct link_child c;
    struct link_fields in = {.rest = {copy, n}};
    int rc = link_get_spawn(&in, &a);
    assert_true(rc == 0 || rc == -EPROTO);
    if (rc == 0)
        assert_non_null(a.argv[0]);
    link_spawn_args_fini(&a);
    in = (struct link_fields){.rest = {copy, n}};
    link_get_child(&in, &c);
    free(copy);
}

static void enemies(void **state)
{
    (void)state;
    AUTO(buf) out = BUF_INIT;
    link_put_spawn(&out, &sample);
    for (size_t n = 0; n < out.len; n++)
        assert_harmless(out.data, n);
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << (bit % 8)));
        assert_harmless(out.data, out.len);
        out.data[bit / 8] = (char)(out.data[bit / 8] ^ (1 << (bit % 8)));
    }
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        char noise[96];
        size_t n = (size_t)random() % sizeof(noise);
        for (size_t j = 0; j < n; j++)
            noise[j] = (char)(random() % 4 ? 0 : random()); /* small counts get further */
        assert_harmless(noise, n);
    }
}

static int write_and_read(void)
{
    AUTO(buf) out = BUF_INIT;
    struct link_spawn_args a = {0};
    put_sample(&out, &sample);
    if (buf_oom(&out))
        return -ENOMEM;
    int rc = read_sample(buf_str(&out), &a);
    link_spawn_args_fini(&a);
    return rc;
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    int rc = -ENOMEM;
    long tries = 0;
    while (rc == -ENOMEM) {
        fail_at = tries++;
        rc = write_and_read();
    }
    fail_at = -1;
    assert_int_equal(rc, 0);
    assert_true(tries > 3); /* the writer's, the reader's and the request's own */
}

static void stages_have_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LINK_STAGE_COUNT; i++)
        assert_non_null(link_stage_text((enum link_stage)i));
    assert_string_equal(link_stage_text(LINK_STAGE_COUNT), "start");
    assert_string_equal(link_stage_text((enum link_stage)(LINK_STAGE_RLIMIT + 7)), "set a limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spawn_round_trip),
        cmocka_unit_test(spawn_of_version_1),
        cmocka_unit_test(too_many_limits),
        cmocka_unit_test(child_round_trip),
        cmocka_unit_test(frames_byte_by_byte),
        cmocka_unit_test(bad_headers_are_final),
        cmocka_unit_test(oversized_frames_are_taken_back),
        cmocka_unit_test(malformed_spawns),
        cmocka_unit_test(enemies),
        cmocka_unit_test(every_allocation_fails_once),
        cmocka_unit_test(stages_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
