/* SPDX-License-Identifier: MIT
 * The power goes at any point of a save, and of a change of settings: what can be read afterwards
 * is the old content or the new one, whole; and the next save works. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "power_loss.h"

#include "base/buf.h"
#include "dump_file.h"
#include "os/atomic_file.h"
#include "json/read.h"

struct fixture {
    char work[64], after[64]; /* folders: where it is done; what the disk holds then */
    unsigned states;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    snprintf(f->work, sizeof(f->work), "/tmp/pm2c-power-XXXXXX");
    snprintf(f->after, sizeof(f->after), "/tmp/pm2c-power-XXXXXX");
    assert_true(mkdtemp(f->work) && mkdtemp(f->after));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pl_forget();
    pl_empty(f->work);
    pl_empty(f->after);
    int rc = rmdir(f->work) + rmdir(f->after);
    free(f);
    return rc;
}

struct at {
    char file[96], backup[96];
    struct dump_paths paths;
};

static void at(const char *folder, struct at *ret)
{
    snprintf(ret->file, sizeof(ret->file), "%s/dump.pm2", folder);
    snprintf(ret->backup, sizeof(ret->backup), "%s/dump.pm2.bak", folder);
    ret->paths = (struct dump_paths){ret->file, ret->backup};
}

static void save(const char *folder, const char *name)
{
    struct err e = {0};
    struct at a;
    AUTO(buf) text = BUF_INIT;
    at(folder, &a);
    buf_printf(&text, "[{\"name\":\"%s\",\"pm_exec_path\":\"/x\"}]", name);
    assert_int_equal(dump_file_write(&a.paths, buf_str(&text), &e), 0);
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* The name of the app that is found; "" = none. */
static void found_in(const char *folder, char *ret, size_t size)
{
    struct dump_found found;
    struct at a;
    at(folder, &a);
    dump_file_read(&a.paths, &found);
    const char *name = json_get_str(json_array_get(found.entries, 0), "name");
    snprintf(ret, size, "%s", name ? name : "");
    json_decref(found.entries);
}

static bool is_one_of(const char *got, const char *old, const char *new)
{
    return strcmp(got, old) == 0 || strcmp(got, new) == 0;
}

/* After `cut` calls, in all ways; `old` before the first of them, `new` after the last. */
static void check_save(struct fixture *f, size_t cut, const char *old, const char *new)
{
    char got[32];
    for (int rest = 0; rest < PL_REST_COUNT; rest++) {
        for (unsigned mask = 0; pl_replay(cut, mask, (enum pl_rest)rest, f->after); mask++) {
            f->states++;
            found_in(f->after, got, sizeof(got));
            if (!is_one_of(got, old, new))
                fail_msg("after %zu calls, names %x, rest %d: \"%s\"", cut, mask, rest, got);
            if (mask == 0 && rest == PL_REST_HALF) {
                save(f->after, "next");
                found_in(f->after, got, sizeof(got));
                assert_string_equal(got, "next");
            }
        }
    }
}

static void cut_save(struct fixture *f, const char *old)
{
    char got[32];
    pl_begin(f->work);
    save(f->work, "new");
    pl_end();
    found_in(f->work, got, sizeof(got));
    assert_string_equal(got, "new");
    for (size_t cut = 0; cut <= pl.count; cut++)
        check_save(f, cut, cut == pl.count ? "new" : old, "new");
    assert_true(f->states > 100); /* the model is at work */
}

static void the_first_save(void **state)
{
    cut_save(*state, "");
}

static void the_second_save(void **state)
{
    struct fixture *f = *state;
    save(f->work, "old");
    cut_save(f, "old");
}

static void a_later_save(void **state)
{
    struct fixture *f = *state;
    save(f->work, "older");
    save(f->work, "old");
    cut_save(f, "old");
}

/* What is there has no sum, and everybody may read it: it is copied, not linked. */
static void over_a_list_of_pm2(void **state)
{
    struct fixture *f = *state;
    put(f->work, "dump.pm2", "[{\"name\":\"old\",\"pm_exec_path\":\"/x\"}]");
    cut_save(f, "old");
}

/* The backup is what counts until the new list is there. */
static void over_a_damaged_list(void **state)
{
    struct fixture *f = *state;
    char path[96];
    save(f->work, "old");
    save(f->work, "lost");
    snprintf(path, sizeof(path), "%s/dump.pm2", f->work);
    assert_int_equal(unlink(path), 0);
    put(f->work, "dump.pm2", "[{\"name\":\"lo");
    cut_save(f, "old");
}

/* Left by a save that died before. */
static void over_what_was_left(void **state)
{
    struct fixture *f = *state;
    save(f->work, "old");
    put(f->work, "dump.pm2.new", "[{\"na");
    put(f->work, "dump.pm2.sum.new", "# 4");
    put(f->work, "dump.pm2.bak.new", "[{\"name\":");
    cut_save(f, "old");
}

/* module_conf.json, state of modules, start-up scripts: each is replaced by one call. */
static void a_file_that_is_replaced(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"{\"old\":1}", "{\"new\":{\"longer\":2}}"};
    char path[96];
    char after[96];
    struct err e = {0};
    snprintf(path, sizeof(path), "%s/module_conf.json", f->work);
    snprintf(after, sizeof(after), "%s/module_conf.json", f->after);
    put(f->work, "module_conf.json", texts[0]);
    pl_begin(f->work);
    assert_int_equal(file_replace(path, str_from(texts[1]), &e), 0);
    pl_end();
    for (size_t cut = 0; cut <= pl.count; cut++)
        for (int rest = 0; rest < PL_REST_COUNT; rest++)
            for (unsigned mask = 0; pl_replay(cut, mask, (enum pl_rest)rest, f->after); mask++) {
                AUTO(buf) text = BUF_INIT;
                assert_int_equal(file_read(after, 1024, &text, &e), 0);
                assert_true(is_one_of(text.data, texts[cut == pl.count], texts[1]));
            }
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_save),          CASE(the_second_save),     CASE(a_later_save),
        CASE(over_a_list_of_pm2),      CASE(over_a_damaged_list), CASE(over_what_was_left),
        CASE(a_file_that_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
