/* SPDX-License-Identifier: MIT
 * The limits of commands that fetch secrets: how many at a time, and for how long. The commands
 * are made up (the linker's --wrap brings their starts here), and the limit of time is over at
 * once. */
#include "secret_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include <cmocka.h>

#include "base/limits.h"
#include "proc.h"
#include "side_command.h"

#define FETCHES 20

struct side_command {
    struct side_handler h;
    bool runs;
};

static struct {
    struct proc_env env;
    struct proc proc;
    uv_loop_t loop;
    struct side_command commands[FETCHES];
    unsigned started, running, most;
    bool is_late; /* the limit of time is over at once */
    struct one {
        struct secret_fetch *fetch;
        json_t *env;
        char error[200];
        bool done;
    } all[FETCHES];
} t;

struct side_command *__wrap_side_command_start(struct proc *p, const json_t *argv,
                                               const json_t *env, const struct side_handler *h,
                                               struct err *e);
void __wrap_side_command_end(struct side_command *c);
int __real_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat);

struct side_command *__wrap_side_command_start(struct proc *p, const json_t *argv,
                                               const json_t *env, const struct side_handler *h,
                                               struct err *e)
{
    (void)e;
    assert_ptr_equal(p, &t.proc);
    assert_string_equal(json_string_value(json_array_get(argv, 0)), "tell");
    assert_int_equal(json_array_size(env), 1); /* PLAIN */
    struct side_command *c = &t.commands[t.started++];
    *c = (struct side_command){*h, true};
    if (++t.running > t.most)
        t.most = t.running;
    return c;
}

void __wrap_side_command_end(struct side_command *c)
{
    if (c && c->runs) {
        c->runs = false;
        t.running--;
    }
}

int __wrap_uv_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat)
{
    bool is_limit = ms == LIMIT_SECRET_COMMAND_MS;
    return __real_uv_timer_start(timer, cb, is_limit && t.is_late ? 0 : ms, repeat);
}

/* ---- the parts of a test ---- */

static void on_done(void *ctx, const char *error)
{
    struct one *o = ctx;
    assert_false(o->done);
    o->done = true;
    o->fetch = NULL;
    snprintf(o->error, sizeof(o->error), "%s", error ? error : "");
}

static void begin(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct one *o = &t.all[i];
        o->env = json_pack("[s, s]", "PLAIN=yes", "DB=secret:command:tell me");
        o->fetch = secret_fetch_start(&t.proc, o->env, on_done, o);
        assert_non_null(o->fetch);
    }
}

/* As far as it comes without the end of a command. */
static void turn(void)
{
    while (uv_run(&t.loop, UV_RUN_NOWAIT) && uv_backend_timeout(&t.loop) == 0) {
    }
}

static void end_command(unsigned i)
{
    struct side_command *c = &t.commands[i];
    assert_true(c->runs);
    c->runs = false;
    t.running--;
    c->h.output(c->h.ctx, false, STR("hush\n"));
    c->h.ended(c->h.ctx, 0);
}

static unsigned done_count(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < FETCHES; i++)
        n += t.all[i].done;
    return n;
}

/* ---- the tests ---- */

static void so_many_at_a_time(void **state)
{
    (void)state;
    begin(FETCHES);
    turn();
    assert_int_equal(t.running, LIMIT_SECRET_COMMANDS);
    for (unsigned i = 0; i < FETCHES; i++) {
        end_command(i);
        turn();
        assert_int_equal(done_count(), i + 1);
    }
    assert_int_equal(t.started, FETCHES);
    assert_int_equal(t.most, LIMIT_SECRET_COMMANDS);
    for (unsigned i = 0; i < FETCHES; i++) {
        assert_string_equal(t.all[i].error, "");
        assert_string_equal(json_string_value(json_array_get(t.all[i].env, 1)), "DB=hush");
    }
}

static void one_that_does_not_end_is_ended(void **state)
{
    (void)state;
    begin(LIMIT_SECRET_COMMANDS + 1); /* the last one waits for its turn */
    t.is_late = true;
    turn();
    assert_int_equal(t.running, 0);
    assert_int_equal(t.started, LIMIT_SECRET_COMMANDS + 1);
    assert_int_equal(done_count(), LIMIT_SECRET_COMMANDS + 1);
    assert_string_equal(
        t.all[0].error,
        "the secret DB is not available: tell: the command did not end within 15 s");
    assert_string_equal(json_string_value(json_array_get(t.all[0].env, 1)),
                        "DB=secret:command:tell me");
}

static void who_is_cancelled_gives_its_turn_to_the_next(void **state)
{
    (void)state;
    begin(LIMIT_SECRET_COMMANDS + 2);
    turn();
    secret_fetch_cancel(t.all[LIMIT_SECRET_COMMANDS].fetch); /* it has had none yet */
    secret_fetch_cancel(t.all[0].fetch);
    turn();
    assert_int_equal(t.started, LIMIT_SECRET_COMMANDS + 1);
    assert_int_equal(t.running, LIMIT_SECRET_COMMANDS);
    for (unsigned i = 1; i <= LIMIT_SECRET_COMMANDS; i++)
        end_command(i);
    turn();
    assert_int_equal(done_count(), LIMIT_SECRET_COMMANDS);
    assert_true(t.all[LIMIT_SECRET_COMMANDS + 1].done);
    assert_false(t.all[0].done);
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    t.env.loop = &t.loop;
    t.proc.env = &t.env;
    list_init(&t.env.secret_turns.waiting);
    return uv_loop_init(&t.loop);
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FETCHES; i++)
        json_decref(t.all[i].env);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(so_many_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_does_not_end_is_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_cancelled_gives_its_turn_to_the_next, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
