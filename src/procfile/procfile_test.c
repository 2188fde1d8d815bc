/* SPDX-License-Identifier: MIT
 * Process files without node: kinds, what can be opened, wrappers, lines, words of errors. */
#include "base/limits.h"
#include "procfile/procfile_rig.h"

static int teardown(void **state)
{
    (void)state;
    static const char *const names[] = {"a.json",    "a.yaml",   "fifo.json",
                                        "zero.json", "big.json", "a.config.js"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(rig_path(names[i]));
    rmdir(rig_path("d.json"));
    return rmdir(rig_dir);
}

static void kinds(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        enum procfile_kind kind;
    } rows[] = {
        {"-", PROCFILE_STDIN},
        {"a.json", PROCFILE_JSON},
        {"x.json.bak", PROCFILE_JSON},
        {"a.json/app.js", PROCFILE_JSON},
        {"foo.config.json", PROCFILE_JSON},
        {"a.yaml.json", PROCFILE_JSON},
        {"a.yml", PROCFILE_YAML},
        {"a.config.js.yaml", PROCFILE_YAML},
        {"ecosystem.config.js", PROCFILE_JS},
        {"foo.config.jsx", PROCFILE_JS},
        {"a.config.cjs", PROCFILE_JS},
        {"a.config.mjs", PROCFILE_JS},
        {"app.js", PROCFILE_NONE},
        {"--", PROCFILE_NONE},
        {"", PROCFILE_NONE},
        {"json", PROCFILE_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(procfile_kind(rows[i].target), rows[i].kind);
}

static void wrappers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *at, *json;
    } rows[] = {
        {"{apps: [{a: 1}, 5]}", "apps", "[{\"a\":1},5]"},
        {"{apps: {a: 1}}", "apps", "[{\"a\":1}]"},
        {"{apps: []}", "apps", "[]"},
        {"{pm2: [{a: 1}], apps: null}", "pm2", "[{\"a\":1}]"},
        {"{pm2: 1, apps: [2]}", "apps", "[2]"},
        {"[{a: 1}]", "", "[{\"a\":1}]"},
        {"{a: 1}", "", "[{\"a\":1}]"},
        {"[]", "", "[]"},
        {"{apps: 'x'}", "apps", "[\"x\"]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_write("a.json", str_from(rows[i].text));
        rig_reads_as("a.json", rows[i].at, rows[i].json);
    }
    rig_write("a.yaml", STR("apps:\n  - name: y\n"));
    rig_reads_as("a.yaml", "apps", "[{\"name\":\"y\"}]");
}

static void what_else_is_in_it(void **state)
{
    (void)state;
    rig_write("a.json", STR("{apps: [], deploy: {production: {}}, static: [{port: 1}]}"));
    struct procfile f;
    struct err e = {0};
    assert_int_equal(procfile_read("a.json", rig_dir, &f, &e), 0);
    assert_string_equal(f.path, rig_path("a.json"));
    assert_true(json_has(f.deploy, "production"));
    assert_int_equal(json_array_size(f.statics), 1);
    procfile_fini(&f);
    assert_int_equal(procfile_read(rig_path("a.json"), "/", &f, NULL), 0);
    assert_string_equal(f.path, rig_path("a.json"));
    procfile_fini(&f);
}

/* Whatever the wrapper, paths begin with "apps[N]". */
static void lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path;
        long line;
    } rows[] = {
        {"{apps: [\n{a: 1,\n b: {c:\n [2]}}]}", "apps[0].b.c", 3},
        {"{apps: [\n{a: 1,\n b: {c:\n [2]}}]}", "apps[0].b.c[0]", 4},
        {"{apps: [\n{a: 1,\n b: {c:\n [2]}}]}", "apps[0].b.nope", 3},
        {"{apps: [\n{a: 1,\n b: {c:\n [2]}}]}", "apps[0].nope.x", 2},
        {"{apps: [\n{a: 1,\n b: {c:\n [2]}}]}", "elsewhere", 0},
        {"{\napps: {\na: 1}}", "apps[0].a", 3},
        {"{\napps: {\na: 1}}", "apps[0].b", 2},
        {"{pm2: [\n{a: 1}]}", "apps[0].a", 2},
        {"{pm2x: 1, pm2: {\na: 1}}", "apps[0].a", 2},
        {"[{a: 1},\n{a: 2}]", "apps[1].a", 2},
        {"{a: 1,\n b: 2}", "apps[0].b", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct procfile f;
        rig_write("a.json", str_from(rows[i].text));
        assert_int_equal(procfile_read("a.json", rig_dir, &f, NULL), 0);
        assert_int_equal(procfile_line(&f, rows[i].path), rows[i].line);
        procfile_fini(&f);
        assert_int_equal(procfile_read_lazily("a.json", rig_dir, &f, NULL), 0);
        assert_int_equal(procfile_line(&f, rows[i].path), 0);
        assert_int_equal(procfile_find_lines(&f), 0);
        assert_int_equal(procfile_line(&f, rows[i].path), rows[i].line);
        procfile_fini(&f);
    }
    assert_int_equal(procfile_line(&(struct procfile){0}, "apps[0]"), 0);
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    rig_refuses("none.json", -ENOENT, "File none.json not found");
    rig_write("a.json", STR("{}"));
    rig_refuses("a.json/x", -ENOENT, "File a.json/x not found");
    assert_int_equal(mkdir(rig_path("d.json"), 0700), 0);
    rig_refuses("d.json", -EISDIR, "File d.json is a folder");
    assert_int_equal(mkfifo(rig_path("fifo.json"), 0600), 0);
    rig_refuses("fifo.json", -EINVAL, "File fifo.json is a FIFO");
    assert_int_equal(symlink("/dev/zero", rig_path("zero.json")), 0);
    rig_refuses("zero.json", -EINVAL, "File zero.json is a device");
    rig_write("big.json", STR(""));
    assert_int_equal(truncate(rig_path("big.json"), LIMIT_PROCFILE_BYTES + 1), 0);
    rig_refuses("big.json", -EFBIG, "File big.json is larger than 67108864 bytes");
    if (geteuid() == 0)
        return; /* root may read anything */
    assert_int_equal(chmod(rig_path("a.json"), 0), 0);
    rig_refuses("a.json", -EACCES, "File a.json cannot be read: Permission denied");
    unlink(rig_path("a.json"));
}

/* PATH leads nowhere, so that node has no say. */
static void what_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct str text;
        const char *msg;
    } rows[] = {
        {"a.json", {"", 0}, "the file is empty"},
        {"a.json", {"\xEF\xBB\xBF \n", 5}, "the file is empty"},
        {"a.yaml", {" \n", 2}, "the file is empty"},
        {"a.config.js", {"\n", 1}, "the file is empty"},
        {"a.json", {"5", 1}, "expected an object or an array of apps, but it is Number"},
        {"a.yaml", {"# x\n", 4}, "expected an object or an array of apps, but it is Null"},
        {"a.json", {"{\n a: 1 2}", 10}, "line 2 column 7: expected ',' or '}', but found '2'"},
        {"a.json", {"{'\xFF':1}", 7}, "line 1 column 3: not UTF-8 (byte 0xFF)"},
        {"a.yaml",
         {"a: b: c", 7},
         "line 1 column 5: invalid nested block mapping on the same line"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[256];
        snprintf(want, sizeof(want), "File %s malformated: %s", rows[i].name, rows[i].msg);
        rig_write(rows[i].name, rows[i].text);
        rig_refuses(rows[i].name, -EPROTO, want);
    }
    rig_write("a.config.js", STR("module.exports = {}"));
    rig_refuses("a.config.js", -ENOEXEC,
                "File a.config.js: JavaScript needs node, and there is none in PATH");
}

/* A pipe in the place of standard input, filled by a child in two chunks. */
static void feed_stdin(const char *first, const char *second)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        bool ok = write(fds[1], first, strlen(first)) >= 0;
        usleep(20000); /* so that they are two reads, mostly */
        ok = ok && write(fds[1], second, strlen(second)) >= 0;
        _exit(ok ? 0 : 1);
    }
    close(fds[1]);
    dup2(fds[0], STDIN_FILENO);
    close(fds[0]);
}

static void standard_input(void **state)
{
    (void)state;
    int saved = dup(STDIN_FILENO);
    feed_stdin("{apps: [{name:", " 'in'}]}");
    struct procfile f;
    struct err e = {0};
    assert_int_equal(procfile_read("-", rig_dir, &f, &e), 0);
    assert_null(f.path);
    assert_string_equal(json_get_str(json_array_get(f.apps, 0), "name"), "in");
    assert_int_equal(procfile_line(&f, "apps[0].name"), 1);
    procfile_fini(&f);
    feed_stdin("", "");
    rig_refuses("-", -EPROTO, "Standard input malformated: the file is empty");
    feed_stdin("{\n", "]");
    rig_refuses("-", -EPROTO,
                "Standard input malformated: line 2 column 1: expected a key or '}', but found "
                "']'");
    dup2(saved, STDIN_FILENO);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(wrappers),
        cmocka_unit_test(what_else_is_in_it),
        cmocka_unit_test(lines),
        cmocka_unit_test(what_cannot_be_read),
        cmocka_unit_test(what_is_malformed),
        cmocka_unit_test(standard_input),
    };
    setenv("PATH", "/nonexistent", 1);
    return cmocka_run_group_tests(tests, rig_setup, teardown);
}
