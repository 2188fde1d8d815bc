/* SPDX-License-Identifier: MIT
 * Sampling: when /proc is asked, and what is shown when nothing can be. The process is this one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <unistd.h>

#include "monit.h"
#include "os/clock.h"

#define PLANTED 4242 /* bytes: no process has so few */

struct fixture {
    struct run run;
    struct proc p;
};

static int setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.run = {.pid = getpid()}};
    f.p.run = &f.run;
    f.p.sm.state = PROC_ONLINE;
    *state = &f;
    return 0;
}

/* A sample of `ago_ms` before now, with figures that tell whether they are still those. */
static void plant(struct proc *p, pid_t pid, int64_t ago_ms)
{
    p->monit = (struct monit){.memory_bytes = PLANTED,
                              .cpu_percent = 12.5,
                              .last_pid = pid,
                              .last_mono_ms = clock_mono_ms() - ago_ms};
}

static void first_sample_has_no_cpu(void **state)
{
    struct fixture *f = *state;
    monit_sample(&f->p);
    assert_true(f->p.monit.memory_bytes > PLANTED);
    assert_true(f->p.monit.cpu_percent == 0);
}

static void asking_again_at_once_reads_nothing(void **state)
{
    struct fixture *f = *state;
    plant(&f->p, getpid(), -1000); /* a second ahead: as near as can be on a slow machine */
    monit_sample(&f->p);
    assert_int_equal(f->p.monit.memory_bytes, PLANTED);
    assert_true(f->p.monit.cpu_percent == 12.5);
}

static void later_it_is_read_again(void **state)
{
    struct fixture *f = *state;
    plant(&f->p, getpid(), 100000);
    monit_sample(&f->p);
    assert_true(f->p.monit.memory_bytes > PLANTED);
    assert_true(f->p.monit.cpu_percent < 12.5);
}

static void another_pid_is_another_process(void **state)
{
    struct fixture *f = *state;
    plant(&f->p, getppid(), -1000);
    monit_sample(&f->p);
    assert_true(f->p.monit.memory_bytes > PLANTED);
    assert_true(f->p.monit.cpu_percent == 0);
}

static void what_is_not_online_has_none(void **state)
{
    struct fixture *f = *state;
    plant(&f->p, getpid(), -1000);
    f->p.sm.state = PROC_STOPPING;
    monit_sample(&f->p);
    assert_int_equal(f->p.monit.memory_bytes, 0);
    assert_true(f->p.monit.cpu_percent == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(first_sample_has_no_cpu, setup),
        cmocka_unit_test_setup(asking_again_at_once_reads_nothing, setup),
        cmocka_unit_test_setup(later_it_is_read_again, setup),
        cmocka_unit_test_setup(another_pid_is_another_process, setup),
        cmocka_unit_test_setup(what_is_not_online_has_none, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
