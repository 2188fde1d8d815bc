/* SPDX-License-Identifier: MIT
 * JavaScript process files, by the real node: each form of export, each way to fail. Skipped where
 * there is no node. */
#include <spawn.h>
#include <sys/wait.h>

#include "procfile/procfile_rig.h"

static const char *const names[] = {"a.config.js", "a.config.cjs", "a.config.mjs",
                                    "a.json",      "package.json", "sub.cjs"};

static void forget_files(void)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        unlink(rig_path(names[i]));
}

static int teardown(void **state)
{
    (void)state;
    forget_files();
    return rmdir(rig_dir);
}

static bool have_node(void)
{
    char *argv[] = {"node", "-e", "0", NULL};
    pid_t pid;
    int status;
    return posix_spawnp(&pid, "node", NULL, NULL, argv, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

struct row {
    const char *name, *text, *want;
};

static void exports(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a.config.js", "module.exports = {apps: [{n: 1, f() {}, u: undefined}]}", "[{\"n\":1}]"},
        {"a.config.cjs", "exports.apps = [{n: 2}]", "[{\"n\":2}]"},
        {"a.config.js", "module.exports = async () => ({apps: [{n: 3}]})", "[{\"n\":3}]"},
        {"a.config.js", "module.exports = Promise.resolve({apps: [{n: 4}]})", "[{\"n\":4}]"},
        {"a.config.js", "module.exports = {apps: async () => [{n: 5}]}", "[{\"n\":5}]"},
        {"a.config.mjs", "export default {apps: [{n: 6}]}", "[{\"n\":6}]"},
        {"a.config.mjs", "export const apps = [{n: 7}]; export default {apps: []}", "[{\"n\":7}]"},
        {"a.config.mjs", "const n = await 8; export default () => ({apps: [{n}]})", "[{\"n\":8}]"},
        {"a.config.js",
         "Object.defineProperty(exports, '__esModule', {value: true});"
         "exports.default = {apps: [{n: 9}]}",
         "[{\"n\":9}]"},
        {"a.config.js", "setInterval(() => {}, 1000); exports.apps = [{n: 10}]", "[{\"n\":10}]"},
        {"a.config.js", "exports.apps = [{s: '\\ud800.'}]", "[{\"s\":\"\xEF\xBF\xBD.\"}]"},
        {"a.config.js", "exports.apps = [require('fs').readFileSync(0, 'utf8')]", "[\"\"]"},
        {"a.config.js", "console.log('{'); exports.apps = [process.argv.length]", "[2]"},
        {"a.json", "{apps: [{name: 'a' + 1, port: process.env.NOPE || 80}]}",
         "[{\"name\":\"a1\",\"port\":80}]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_write(rows[i].name, str_from(rows[i].text));
        rig_reads_as(rows[i].name, "apps", rows[i].want);
    }
}

static void module_package(void **state)
{
    (void)state;
    rig_write("package.json", STR("{\"type\": \"module\"}"));
    rig_write("a.config.js", STR("export default {apps: [{n: 1}]}"));
    rig_reads_as("a.config.js", "apps", "[{\"n\":1}]");
    rig_write("a.config.js", STR("export const apps = [{n: 2}]"));
    rig_reads_as("a.config.js", "apps", "[{\"n\":2}]");
    forget_files();
}

static void failures(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"a.config.js", "\n\n  throw new TypeError('boom')", "line 3 column 9: TypeError: boom"},
        {"a.config.js", "\nmodule.exports = }", "line 2: SyntaxError: Unexpected token '}'"},
        {"a.config.mjs", "\nexport default }", "line 2: SyntaxError: Unexpected token '}'"},
        {"a.config.js", "exports.apps = 1;\nmodule.exports = Promise.reject(new Error('no'))",
         "line 2 column 33: Error: no"},
        {"a.config.js", "module.exports = new Promise(() => {})", "its promise is never settled"},
        {"a.config.js", "process.exit(3)", "it ends node itself, with code 3"},
        {"a.config.js", "process.kill(process.pid, 'SIGKILL')", "node was killed by SIGKILL"},
        {"a.config.js", "module.exports = undefined", "it exports nothing"},
        {"a.config.js", "module.exports = 'x'",
         "expected an object or an array of apps, but it is String"},
        {"a.config.js", "throw null", "null"},
        {"a.config.js", "const a = {}; a.a = a; module.exports = a",
         "TypeError: Converting circular structure to JSON"},
        {"a.json", "{apps: [{name: 1 2}]}", "line 1 column 18: expected ',' or '}', but found '2'"},
        {"a.json", "{\n a: tru}",
         "line 2 column 5: 'tru' is no value; as JavaScript: line 2: ReferenceError: tru is not "
         "defined"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char want[256];
        snprintf(want, sizeof(want), "File %s malformated: %s", rows[i].name, rows[i].want);
        rig_write(rows[i].name, str_from(rows[i].text));
        rig_refuses(rows[i].name, -EPROTO, want);
    }
    rig_write("sub.cjs", STR("throw new Error('deep')"));
    rig_write("a.config.js", STR("require('./sub.cjs')"));
    struct procfile f;
    struct err e = {0};
    assert_int_equal(procfile_read("a.config.js", rig_dir, &f, &e), -EPROTO);
    assert_string_equal(e.msg, "File a.config.js malformated: line 1 column 1: Error: deep");
}

/* The endless loop is in a child of node's, which holds a pipe to us: it must go with the group. */
static void endless(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "for (;;);",
        "module.exports = new Promise(() => setInterval(() => {}, 1000))",
        "require('child_process').execFileSync('node', ['-e', 'for (;;);'], {stdio: [0, 1, 2, 3]})",
    };
    int fds[2];
    char byte;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    int saved = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO); /* who lives has it as stderr */
    close(fds[1]);
    setenv("PM2_CONFIG_TIMEOUT", "1", 1);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        rig_write("a.config.js", str_from(texts[i]));
        rig_refuses("a.config.js", -ETIMEDOUT,
                    "File a.config.js: evaluation took longer than 1 s (PM2_CONFIG_TIMEOUT)");
    }
    unsetenv("PM2_CONFIG_TIMEOUT");
    dup2(saved, STDERR_FILENO);
    close(saved);
    while (read(fds[0], &byte, 1) > 0) /* ends when all of them are gone */
        ;
    close(fds[0]);
}

static void too_much(void **state)
{
    (void)state;
    rig_write("a.config.js", STR("exports.apps = [{name: 'x'.repeat(70e6)}]"));
    rig_refuses("a.config.js", -EFBIG, "File a.config.js: it yields more than 67108864 bytes");
}

/* What it prints is for stderr: stdout belongs to the command's own output. */
static void prints_to_stderr(void **state)
{
    (void)state;
    int fds[2];
    char text[64] = "";
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    int saved = dup(STDERR_FILENO);
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
    rig_write("a.config.js", STR("console.log('out'); console.error('err'); exports.apps = []"));
    rig_reads_as("a.config.js", "apps", "[]");
    dup2(saved, STDERR_FILENO);
    close(saved);
    size_t have = 0;
    for (ssize_t n = 1; n > 0; have += (size_t)n)
        n = read(fds[0], text + have, sizeof(text) - 1 - have);
    close(fds[0]);
    assert_string_equal(text, "out\nerr\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exports),  cmocka_unit_test(module_package),
        cmocka_unit_test(failures), cmocka_unit_test(endless),
        cmocka_unit_test(too_much), cmocka_unit_test(prints_to_stderr),
    };
    if (!have_node()) {
        puts("skipped: no node in PATH");
        return 0;
    }
    unsetenv("NODE_OPTIONS");
    unsetenv("PM2_CONFIG_TIMEOUT");
    return cmocka_run_group_tests(tests, rig_setup, teardown);
}
