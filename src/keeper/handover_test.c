/* SPDX-License-Identifier: MIT
 * The state of a keeper: written, read again, refused. The exec is tested in tests/fault. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/oom_heap.h"
#include "keeper.h"
#include "os/fd.h"

#define VERSION_AT 4 /* behind the magic */

static void init(struct keeper *k)
{
    memset(k, 0, sizeof(*k));
    k->lock_fd = -1;
    children_init(&k->children);
    store_init(&k->store);
}

static void fini(struct keeper *k)
{
    children_fini(&k->children);
    store_fini(&k->store);
    fd_close(&k->lock_fd);
}

static int a_file(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static struct child *add(struct keeper *k, uint64_t handle, pid_t pid, bool is_adopted)
{
    struct child *ch = child_new(handle, STR("note"));
    assert_non_null(ch);
    ch->pid = pid;
    ch->is_adopted = is_adopted;
    ch->start_ticks = 77;
    children_add(&k->children, ch);
    return ch;
}

/* One that runs, one that has ended and whose pid another one has, one that was adopted. */
static void fill(struct keeper *k)
{
    init(k);
    k->world = (struct launch_world){.umask = 027, .nofile_soft = 1024};
    k->lock_fd = a_file();
    k->peer.starts = 5;
    k->short_lives = 3;
    k->failed_delay_ms = 800;
    add(k, 1, 500, false)->fds[LINK_FD_STDOUT] = a_file();
    assert_non_null(children_reaped(&k->children, 500, 0x100, 4242));
    add(k, 2, 500, false);
    add(k, 3, 600, true)->fds[LINK_FD_PIDFD] = a_file();
    assert_int_equal(store_put(&k->store, STR("socket"), a_file()), 0);
}

/* `n` bytes of the state in `fd`, with the version replaced unless 0. */
static int altered(int fd, size_t n, uint32_t version)
{
    char *bytes = calloc(1, n + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, n, 0), n);
    if (version)
        memcpy(bytes + VERSION_AT, &version, sizeof(version));
    int copy = memfd_create("copy", MFD_CLOEXEC);
    assert_true(copy >= 0);
    assert_int_equal(fd_write_all(copy, bytes, n), 0);
    free(bytes);
    return copy;
}

static void is_the_same_afterwards(void **state)
{
    (void)state;
    struct keeper old;
    struct keeper new;
    struct err e = {0};
    fill(&old);
    init(&new);
    int fd = handover_write(&old);
    assert_true(fd >= 0);
    assert_int_equal(handover_take(fd, &new, &e), 0);
    assert_int_equal(new.world.umask, 027);
    assert_int_equal(new.world.nofile_soft, 1024);
    assert_int_equal(new.lock_fd, old.lock_fd);
    assert_int_equal(new.peer.starts, 5);
    assert_int_equal(new.short_lives, 3);
    assert_int_equal(new.failed_delay_ms, 800);
    assert_int_equal(new.children.count, 3);
    const struct child *ended = children_find(&new.children, 1);
    assert_true(ended->has_exited && ended->wait_status == 0x100 && ended->exit_ms == 4242);
    assert_int_equal(ended->fds[LINK_FD_STDOUT],
                     children_find(&old.children, 1)->fds[LINK_FD_STDOUT]);
    assert_int_equal(ended->fds[LINK_FD_STDIN], -1);
    assert_true(children_find(&new.children, 3)->is_adopted);
    assert_memory_equal(ended->note, "note", 4);
    assert_int_equal(ended->start_ticks, 77);
    assert_false(ended->is_told);
    /* the pid is that of the one that runs */
    assert_true(children_reaped(&new.children, 500, 9, 1) == children_find(&new.children, 2));
    assert_null(children_reaped(&new.children, 600, 9, 1));
    assert_int_equal(new.store.count, 1);
    old.lock_fd = -1; /* the descriptors are one keeper's: here of the new one */
    list_for_each (it, &old.children.all)
        for (int i = 0; i < LINK_FD_COUNT; i++)
            LIST_ENTRY(it, struct child, all)->fds[i] = -1;
    LIST_ENTRY(old.store.all.next, struct stored, all)->fd = -1;
    fini(&old);
    fini(&new);
}

static void cannot_be_changed_on_the_way(void **state)
{
    (void)state;
    struct keeper k;
    fill(&k);
    int fd = handover_write(&k);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_int_equal(errno, EPERM);
    fd_close(&fd);
    fini(&k);
}

static void later_versions_are_refused(void **state)
{
    (void)state;
    struct keeper k;
    struct err e = {0};
    fill(&k);
    int fd = handover_write(&k);
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    assert_int_equal(handover_verify(fd, &e), 0);
    int later = altered(fd, size, HANDOVER_VERSION + 1);
    assert_int_equal(handover_verify(later, &e), -EPROTONOSUPPORT);
    assert_non_null(strstr(e.msg, "has version 2, this program reads up to 1"));
    fd_close(&later);
    fd_close(&fd);
    fini(&k);
}

/* What a later release appends is not in the way of this one. */
static void more_at_the_end_is_ignored(void **state)
{
    (void)state;
    struct keeper k;
    struct err e = {0};
    fill(&k);
    int fd = handover_write(&k);
    int longer = altered(fd, (size_t)lseek(fd, 0, SEEK_END), 0);
    assert_int_equal(fd_write_all(longer, "more", 4), 0);
    assert_int_equal(handover_verify(longer, &e), 0);
    fd_close(&longer);
    fd_close(&fd);
    fini(&k);
}

static void a_torn_one_is_refused(void **state)
{
    (void)state;
    struct keeper k;
    struct err e = {0};
    fill(&k);
    int fd = handover_write(&k);
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    for (size_t n = 0; n < size; n++) {
        int torn = altered(fd, n, 0);
        assert_true(handover_verify(torn, &e) < 0);
        fd_close(&torn);
    }
    fd_close(&fd);
    fini(&k);
}

static void a_missing_descriptor_is_refused(void **state)
{
    (void)state;
    struct keeper k;
    struct keeper new;
    struct err e = {0};
    fill(&k);
    init(&new);
    int fd = handover_write(&k);
    fd_close(&k.lock_fd);
    fd_close(&children_find(&k.children, 3)->fds[LINK_FD_PIDFD]);
    assert_true(handover_take(fd, &new, &e) < 0);
    list_for_each (it, &new.children.all)
        for (int i = 0; i < LINK_FD_COUNT; i++)
            LIST_ENTRY(it, struct child, all)->fds[i] = -1;
    fini(&new);
    fini(&k);
}

/* A state is in memory; all the same, whatever it says is bounded by its own bytes. */
static void a_damaged_one_harms_nothing(void **state)
{
    (void)state;
    struct keeper k;
    struct err e = {0};
    fill(&k);
    int fd = handover_write(&k);
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    for (size_t bit = 0; bit < size * 8; bit++) {
        char byte;
        int damaged = altered(fd, size, 0);
        assert_int_equal(pread(damaged, &byte, 1, (off_t)(bit / 8)), 1);
        byte = (char)(byte ^ (1 << bit % 8));
        assert_int_equal(pwrite(damaged, &byte, 1, (off_t)(bit / 8)), 1);
        e = (struct err){0};
        int rc = handover_verify(damaged, &e);
        assert_true(rc == 0 || (rc == e.code && e.msg[0]));
        fd_close(&damaged);
    }
    fd_close(&fd);
    fini(&k);
}

/* Memory runs out at the nth allocation, of writing and of reading: the old keeper goes on. */
static void without_memory_it_is_refused(void **state)
{
    (void)state;
    struct keeper k;
    bool is_over = false;
    fill(&k);
    for (long n = 1; !is_over; n++) {
        struct err e = {0};
        long live = heap.live;
        heap.countdown = n;
        int fd = handover_write(&k);
        int rc = fd < 0 ? fd : handover_verify(fd, &e);
        fd_close(&fd);
        is_over = !heap.fired;
        heap.fired = false;
        heap.countdown = 0;
        assert_int_equal(rc, is_over ? 0 : -ENOMEM);
        assert_int_equal(heap.live, live);
        assert_true(n < 1000);
    }
    fini(&k);
}

static void a_huge_one_is_not_written(void **state)
{
    (void)state;
    struct keeper k;
    char note[LIMIT_LINK_NOTE_BYTES];
    memset(note, 'n', sizeof(note));
    init(&k);
    for (uint64_t i = 1; i <= LIMIT_HANDOVER_BYTES / sizeof(note); i++) {
        struct child *ch = child_new(i, (struct str){note, sizeof(note)});
        assert_non_null(ch);
        ch->pid = (pid_t)i;
        children_add(&k.children, ch);
    }
    assert_int_equal(handover_write(&k), -EFBIG);
    fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_afterwards),
        cmocka_unit_test(cannot_be_changed_on_the_way),
        cmocka_unit_test(later_versions_are_refused),
        cmocka_unit_test(more_at_the_end_is_ignored),
        cmocka_unit_test(a_torn_one_is_refused),
        cmocka_unit_test(a_missing_descriptor_is_refused),
        cmocka_unit_test(a_damaged_one_harms_nothing),
        cmocka_unit_test(without_memory_it_is_refused),
        cmocka_unit_test(a_huge_one_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
