/* SPDX-License-Identifier: MIT
 * libpm2: what is the command line's work, because it is about files: settings, start at boot,
 * modules, process files, replacing the programs. Runs the `pm2` that lies beside pm2-keeper, by
 * argument vector, and takes its output. Blocking face only. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/lib_priv.h"
#include "client/proc_list.h"
#include "client/start_app.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "json/read.h"
#include "json/write.h"

#define ARGS_MAX   8
#define ERROR_MARK "[ERROR] "
#define SETTINGS   "module_conf.json"
#define OUTPUT_MAX (256UL * 1024 * 1024) /* a process file, with its lines */
#define PIPE_BLOCK 16384

extern char **environ;

/* ---- running it ---- */

/* The caller's environment, with our home. One block; free(). */
static char **command_env(const char *home, struct buf *text)
{
    size_t n = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + 4, sizeof(*env));
    size_t count = 0;
    for (size_t i = 0; env && i < n; i++)
        if (strncmp(environ[i], "PM2_HOME=", 9) != 0 && strncmp(environ[i], "OVER_HOME=", 10) != 0)
            env[count++] = environ[i];
    buf_printf(text, "PM2_HOME=%s", home);
    if (!env || buf_oom(text)) {
        free(env);
        return NULL;
    }
    env[count++] = text->data;
    env[count++] = (char *)"PM2_DISCRETE_MODE=1";
    env[count] = (char *)"NO_COLOR=1";
    return env;
}

static int begin(const char *file, char *const *argv, char *const *env, const int ends[2],
                 pid_t *ret)
{
    sigset_t none;
    sigset_t usual;
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGCHLD);
    int rc = posix_spawnattr_init(&how);
    if (rc != 0)
        return -rc;
    rc = posix_spawn_file_actions_init(&files);
    if (rc == 0) {
        posix_spawnattr_setsigmask(&how, &none);
        posix_spawnattr_setsigdefault(&how, &usual);
        posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        rc = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        for (int i = 0; rc == 0 && i < 2; i++)
            rc = posix_spawn_file_actions_adddup2(&files, ends[i], STDOUT_FILENO + i);
        if (rc == 0)
            rc = posix_spawn(ret, file, &files, &how, argv, env);
        posix_spawn_file_actions_destroy(&files);
    }
    posix_spawnattr_destroy(&how);
    return -rc;
}

/* Both streams until their ends. 0, -EFBIG, -ENOMEM. */
static int collect(int fds[2], struct buf *const texts[2])
{
    char block[PIPE_BLOCK];
    while (fds[0] >= 0 || fds[1] >= 0) {
        struct pollfd p[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
        if (poll(p, 2, -1) < 0)
            continue; /* EINTR */
        for (int i = 0; i < 2; i++) {
            if (p[i].revents == 0)
                continue;
            ssize_t n = read(fds[i], block, sizeof(block));
            if (n > 0)
                buf_add(texts[i], block, (size_t)n);
            else if (n == 0 || errno != EINTR)
                fd_close(&fds[i]);
            if (texts[i]->len > OUTPUT_MAX || buf_oom(texts[i]))
                return buf_oom(texts[i]) ? -ENOMEM : -EFBIG;
        }
    }
    return 0;
}

/* The words of a program that failed, in one line. */
static int refusal_of(struct pm2 *p, const char *what, struct buf *said)
{
    const char *text = said->len > 0 ? said->data : "";
    const char *mark = strstr(text, ERROR_MARK);
    text = mark ? mark + strlen(ERROR_MARK) : text;
    while (!mark && *text == '[') /* "[PM2][Module]": whose words they are */
        text += strcspn(text, "]") + (strchr(text, ']') != NULL);
    text += strspn(text, " ");
    int n = (int)strcspn(text, "\n");
    return n > 0 ? err_set(&p->err, -EREMOTEIO, "%.*s", n, text)
                 : err_set(&p->err, -EREMOTEIO, "pm2 %s failed", what);
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno; /* the caller ignores SIGCHLD: nobody knows */
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The two pipes; `child` are the ends that the program writes to. They lie above 2, where they are
 * not in the way of dup2. */
static int make_pipes(int own[2], int child[2])
{
    for (int i = 0; i < 2; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
            return -errno;
        own[i] = fcntl(ends[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        child[i] = fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        close(ends[0]);
        close(ends[1]);
        if (own[i] < 0 || child[i] < 0)
            return -EMFILE;
    }
    return 0;
}

static int run_with(struct pm2 *p, const char *file, char *const *argv, char *const *env,
                    struct buf *out, struct buf *said)
{
    int own[2] = {-1, -1};
    int child[2] = {-1, -1};
    pid_t pid = -1;
    int rc = make_pipes(own, child);
    if (rc == 0)
        rc = begin(file, argv, env, child, &pid);
    fd_close(&child[0]);
    fd_close(&child[1]);
    if (rc < 0)
        err_set(&p->err, rc, "cannot run %s: %s", file, err_text(rc));
    else if ((rc = collect(own, (struct buf *const[2]){out, said})) < 0)
        err_set(&p->err, rc, "pm2 %s: %s", argv[1], err_text(rc));
    fd_close(&own[0]); /* it gets SIGPIPE, if it still writes */
    fd_close(&own[1]);
    if (pid < 0)
        return rc;
    int code = wait_for(pid);
    if (rc < 0 || code == 0)
        return rc;
    if (code < 0)
        return err_set(&p->err, code, "pm2 %s: how it ended is not known", argv[1]);
    return refusal_of(p, argv[1], said->len > 0 ? said : out);
}

/* `pm2 WORD...`, the words ended by NULL. What it prints is appended to `out`. */
static int run(struct pm2 *p, struct buf *out, const char *const *words)
{
    char file[PATH_MAX];
    char *argv[ARGS_MAX + 2] = {(char *)"pm2"};
    AUTO(buf) said = BUF_INIT;
    AUTO(buf) home = BUF_INIT;
    if (p->async)
        return err_set(&p->err, -EBUSY, "this handle belongs to an event loop");
    int rc = lib_program(p, "pm2", file);
    if (rc < 0)
        return rc;
    for (int i = 0; i < ARGS_MAX && words[i]; i++)
        argv[i + 1] = (char *)words[i];
    char **env = command_env(p->home, &home);
    if (!env)
        return err_set(&p->err, -ENOMEM, "out of memory");
    rc = run_with(p, file, argv, env, out, &said);
    free(env);
    return rc;
}

#define RUN(p, ...) run_quietly(p, (const char *const[]){__VA_ARGS__, NULL})

static int run_quietly(struct pm2 *p, const char *const *words)
{
    AUTO(buf) out = BUF_INIT;
    return run(p, &out, words);
}

/* A word of the caller that is not there, or would be taken for an option. */
static int bad_word(struct pm2 *p, const char *word, const char *what)
{
    if (word && word[0] && word[0] != '-')
        return 0;
    return err_set(&p->err, -EINVAL, "%s must not be empty nor begin with \"-\"", what);
}

/* `pm2 COMMAND WORD`; `what` the word is. */
static int run_word(struct pm2 *p, const char *command, const char *word, const char *what)
{
    int rc = bad_word(p, word, what);
    return rc < 0 ? rc : RUN(p, command, word);
}

/* ---- settings ---- */

int pm2_set(struct pm2 *p, const char *key, const char *value)
{
    int rc = bad_word(p, key, "a key");
    rc = rc < 0 ? rc : bad_word(p, value, "a value");
    return rc < 0 ? rc : RUN(p, "set", key, value);
}

int pm2_multiset(struct pm2 *p, const char *text)
{
    return run_word(p, "multiset", text, "the text");
}

int pm2_unset(struct pm2 *p, const char *key)
{
    return run_word(p, "unset", key, "a key");
}

/* The next part of a key; "a.b" in quotes is one. Moves *key behind it and its separator. */
static struct str next_part(const char **key)
{
    const char *at = *key;
    const char *close = *at == '"' || *at == '\'' ? strchr(at + 1, *at) : NULL;
    struct str part = {at, strcspn(at, ":.")};
    if (close && (close[1] == '\0' || strchr(":.", close[1])))
        part = (struct str){at + 1, (size_t)(close - at - 1)};
    at = part.p + part.n + (part.p > *key);
    *key = at + (*at != '\0');
    return part;
}

/* The value of "a:b.c" below `root`; borrowed, NULL. */
static const json_t *value_at(const json_t *root, const char *key)
{
    while (root && *key) {
        struct str part = next_part(&key);
        root = json_object_getn(root, part.p, part.n);
    }
    return root;
}

int pm2_get(struct pm2 *p, const char *key, const char **ret_json)
{
    AUTO(buf) path = BUF_INIT;
    AUTO(buf) text = BUF_INIT;
    *ret_json = NULL;
    int rc = lib_find_home(p);
    if (rc < 0)
        return rc;
    buf_printf(&path, "%s/" SETTINGS, p->home);
    rc = buf_oom(&path) ? -ENOMEM : file_read(path.data, LIMIT_SETTINGS_BYTES, &text, &p->err);
    if (rc == -ENOENT)
        buf_add_c(&text, "{}");
    else if (rc < 0)
        return err_set(&p->err, rc, "%s: %s", SETTINGS, err_text(rc));
    AUTO_JSON root = json_read(buf_str(&text), &p->err);
    if (!root)
        return p->err.code;
    const json_t *value = key ? value_at(root, key) : root;
    if (!value)
        return err_set(&p->err, -EREMOTEIO, "the setting %s is not there", key);
    char *json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!json)
        return err_set(&p->err, -ENOMEM, "out of memory");
    free(p->answer);
    *ret_json = p->answer = json;
    return 0;
}

/* ---- start at boot, modules, the programs ---- */

static int boot(struct pm2 *p, const char *command, const char *platform)
{
    return platform ? run_word(p, command, platform, "a platform") : RUN(p, command);
}

int pm2_startup(struct pm2 *p, const char *platform)
{
    return boot(p, "startup", platform);
}

int pm2_unstartup(struct pm2 *p, const char *platform)
{
    return boot(p, "unstartup", platform);
}

int pm2_install(struct pm2 *p, const char *module)
{
    return run_word(p, "install", module, "a module");
}

int pm2_uninstall(struct pm2 *p, const char *module)
{
    return run_word(p, "uninstall", module, "a module");
}

int pm2_launch_modules(struct pm2 *p)
{
    return RUN(p, "module:launch");
}

int pm2_update(struct pm2 *p)
{
    bool was_up = lib_is_up(p);
    int rc = RUN(p, "update");
    if (rc < 0 || !was_up)
        return rc;
    lib_close(p); /* the daemon has cut it off */
    return pm2_connect(p);
}

void lib_launch_modules(struct pm2 *p)
{
    AUTO(buf) path = BUF_INIT;
    struct err before = p->err;
    buf_printf(&path, "%s/" SETTINGS, p->home);
    if (!buf_oom(&path) && access(path.data, F_OK) == 0)
        (void)pm2_launch_modules(p); /* what they lack must not keep anybody from connecting */
    p->err = before;
}

/* ---- process files ---- */

static void write_request(struct buf *out, const char *action, const json_t *read, const char *cwd)
{
    const char *key;
    json_t *value;
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "action", action);
    jw_kstr(&w, "cwd", cwd);
    json_object_foreach ((json_t *)read, key, value)
        if (strcmp(key, "deploy") != 0)
            jw_kdom(&w, key, value);
    jw_key(&w, "env");
    jw_obj_begin(&w);
    start_app_write_environ(&w, NULL);
    jw_obj_end(&w);
    jw_obj_end(&w);
}

/* Ids that the answer of c.file names, and its first error. */
static int take_answer(struct pm2 *p, const json_t *answer, json_t *ids)
{
    size_t i;
    json_t *one;
    const json_t *note = json_array_get(json_object_get(answer, "errors"), 0);
    const char *error = note ? json_get_str(note, "text") : json_get_str(answer, "error");
    json_array_foreach (json_object_get(answer, "done"), i, one)
        json_array_append(ids, json_object_get(one, "id"));
    json_array_foreach (json_object_get(answer, "apps"), i, one) {
        json_array_extend(ids, json_object_get(one, "ids"));
        if (!error)
            error = json_get_str(one, "error");
    }
    if (!error)
        return 0;
    const char *place = json_get_str(note, "path");
    return err_set(&p->err, -EREMOTEIO, place ? "%s (%s)" : "%s", error, place);
}

/* What the file says, as `pm2 check --print` gives it. New reference, NULL. */
static json_t *read_file(struct pm2 *p, const char *path)
{
    AUTO(buf) out = BUF_INIT;
    int rc = bad_word(p, path, "a process file");
    rc = rc < 0 ? rc : run(p, &out, (const char *const[]){"check", "--print", path, NULL});
    return rc < 0 ? NULL : json_read(buf_str(&out), &p->err);
}

int pm2_act_on_file(struct pm2 *p, const char *action, const char *path, struct pm2_list **ret)
{
    char cwd[PATH_MAX];
    const char *text;
    AUTO(buf) request = BUF_INIT;
    struct pm2_list *before = NULL;
    bool is_delete = action && strcmp(action, "delete") == 0;
    if (ret)
        *ret = NULL;
    if (!action || !getcwd(cwd, sizeof(cwd)))
        return err_set(&p->err, -EINVAL, "no action, or no current folder");
    AUTO_JSON read = read_file(p, path);
    if (!read)
        return p->err.code;
    write_request(&request, action, read, cwd);
    if (buf_oom(&request))
        return err_set(&p->err, -ENOMEM, "out of memory");
    int rc = is_delete && ret ? pm2_list(p, &before) : 0;
    rc = rc < 0 ? rc : pm2_call(p, "c.file", request.data, &text);
    AUTO_JSON answer = rc < 0 ? NULL : json_read(str_from(text), &p->err);
    AUTO_JSON ids = json_array();
    if (rc == 0)
        rc = answer && ids ? take_answer(p, answer, ids) : -ENOMEM;
    if (rc == 0 && ret && !is_delete)
        rc = pm2_list(p, &before);
    if (rc < 0 || !ret) {
        pm2_list_free(before);
        return rc;
    }
    proc_list_keep(before, ids);
    *ret = before;
    return 0;
}
