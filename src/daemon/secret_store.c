/* SPDX-License-Identifier: MIT
 * The folder of secrets that nothing else keeps. Runs in pm2d. */
#include "secret_store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/secret.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/sha256.h"
#include "journal.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "proc.h"
#include "json/read.h"

#define FOLDER     "secrets"
#define KEY_FILE   ".key"
#define KEY_BYTES  32
#define ID_DIGITS  16
#define NAME_BYTES 64
#define YOUNG_S    60 /* a file that has just been written is not in the journal yet */

/* ---- names ---- */

static int open_folder(const char *home, bool make)
{
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s/" FOLDER, home);
    if (buf_oom(&path))
        return -ENOMEM;
    if (make && mkdir(path.data, 0700) < 0 && errno != EEXIST)
        return -errno;
    int fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    /* One that came with a copied home may be open to everybody. Best effort: it may be root's. */
    struct stat st;
    if (make && fstat(fd, &st) == 0 && (st.st_mode & 077))
        (void)fchmod(fd, 0700);
    return fd;
}

/* A new file, or -EEXIST. */
static int write_new(int folder, const char *name, struct str content)
{
    char temp[NAME_BYTES + ID_DIGITS + 8];
    snprintf(temp, sizeof(temp), "%s.new", name);
    (void)unlinkat(folder, temp, 0);
    int fd = openat(folder, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = fd_write_all(fd, content.p, content.n);
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    if (rc == 0 && linkat(folder, temp, folder, name, 0) < 0)
        rc = -errno;
    (void)unlinkat(folder, temp, 0);
    return rc;
}

/* The key of this home; made when there is none. */
static int read_key(int folder, char ret[KEY_BYTES])
{
    if (faccessat(folder, KEY_FILE, F_OK, 0) < 0) {
        if (getrandom(ret, KEY_BYTES, 0) != KEY_BYTES)
            return -EIO;
        int rc = write_new(folder, KEY_FILE, (struct str){ret, KEY_BYTES});
        if (rc < 0 && rc != -EEXIST)
            return rc;
    }
    int fd = openat(folder, KEY_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, ret, KEY_BYTES);
    close(fd);
    return n == KEY_BYTES ? 0 : -EIO;
}

/* NAME.ID */
static int name_file(int folder, const char *variable, const char *value, char *ret, size_t size)
{
    char key[KEY_BYTES];
    char hex[SHA256_HEX_BYTES];
    char name[NAME_BYTES];
    AUTO(buf) text = BUF_INIT;
    int rc = read_key(folder, key);
    if (rc < 0)
        return rc;
    buf_add(&text, key, KEY_BYTES);
    buf_add(&text, variable, strlen(variable) + 1);
    buf_add_c(&text, value);
    buf_add(&text, key, KEY_BYTES); /* so that nothing can be added behind the value */
    if (buf_oom(&text))
        return -ENOMEM;
    sha256_hex(buf_str(&text), hex);
    explicit_bzero(text.data, text.len);
    snprintf(name, sizeof(name), "%s", variable);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) || (unsigned char)*c >= 0x80)
            *c = '_';
    snprintf(ret, size, "%s.%.*s", name, ID_DIGITS, hex);
    return 0;
}

/* As a file: of what is read one newline (also "\r\n") is no part of the value (secret_fetch.c). */
static int write_value(int folder, const char *name, const char *value)
{
    AUTO(buf) text = BUF_INIT;
    size_t n = strlen(value);
    buf_add(&text, value, n);
    if (n > 0 && (value[n - 1] == '\n' || value[n - 1] == '\r'))
        buf_add_c(&text, "\r\n");
    int rc = buf_oom(&text) ? -ENOMEM : write_new(folder, name, buf_str(&text));
    explicit_bzero(text.data, text.len);
    return rc;
}

/* Store a value. The reference (new), whatever happens but for OOM. */
static json_t *put(const struct proc_env *env, const char *variable, const char *value)
{
    char name[NAME_BYTES + ID_DIGITS + 2] = "not-stored";
    int folder = open_folder(env->paths.home, true);
    int rc = folder < 0 ? folder : name_file(folder, variable, value, name, sizeof(name));
    if (rc == 0) {
        rc = write_value(folder, name, value);
        if (rc == -EEXIST)
            rc = utimensat(folder, name, NULL, 0) < 0 || fchmodat(folder, name, 0600, 0) < 0
                     ? -errno
                     : 0;
    }
    fd_close(&folder);
    if (rc < 0)
        log_error("the secret %s cannot be stored in %s/" FOLDER ": %s", variable, env->paths.home,
                  err_text(rc));
    return json_sprintf("secret:file:%s/" FOLDER "/%s", env->paths.home, name);
}

/* ---- sealing ---- */

/* Interpreters and PM2 itself look at these; a name may not hide them. */
static bool is_plain(const json_t *conf, const char *key)
{
    static const char *const names[] = {"PATH", "HOME", "PWD", "PM2_HOME", "unique_id"};
    const char *increment = json_get_str(conf, "increment_var");
    const char *name = json_get_str(conf, "name"); /* the settings of the app */
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return (increment && strcmp(increment, key) == 0) || (name && strcmp(name, key) == 0);
}

/* What of a variable must not stay; NULL = nothing. Borrowed. */
static const char *to_seal(const json_t *conf, const regex_t *names, const char *key,
                           const json_t *value)
{
    struct secret s;
    const char *text = json_string_value(value);
    if (!text || secret_parse(text, &s, NULL) < 0)
        return NULL;
    enum secret_kind kind = s.kind;
    const char *inner = s.text;
    secret_fini(&s);
    if (kind == SECRET_VALUE)
        return inner;
    if (kind != SECRET_NONE || !*text || !names || is_plain(conf, key))
        return NULL;
    return regexec(names, key, 0, NULL, 0) == 0 ? text : NULL;
}

static void seal_names(const struct proc_env *env, json_t *conf, const regex_t *names)
{
    json_t *vars = json_object_get(conf, "env");
    AUTO_JSON sealed = json_object();
    const char *key;
    json_t *value;
    json_object_foreach (vars, key, value) {
        const char *text = to_seal(conf, names, key, value);
        if (text)
            json_object_set_new(sealed, key, put(env, key, text));
    }
    if (json_object_size(sealed) == 0)
        return;
    json_t *own = json_copy(vars);
    json_object_update(own, sealed);
    json_object_set_new(conf, "env", own);
    json_object_foreach (sealed, key, value)
        (void)json_object_del(conf, key); /* PM2's clients have variables at the top as well */
}

void secret_seal(const struct proc_env *env, json_t *conf)
{
    regex_t names;
    struct err e = {0};
    const json_t *setting = json_object_get(json_object_get(env->settings, "pm2"), "secrets");
    int rc = secret_names(setting, &names, &e);
    if (rc < 0) {
        log_error("the setting pm2:secrets is %s: the usual names are used", e.msg);
        rc = secret_names(json_true(), &names, NULL);
    }
    seal_names(env, conf, rc > 0 ? &names : NULL);
    if (rc > 0)
        regfree(&names);
}

/* ---- with the saved list ---- */

static DIR *open_list(const struct pm2_paths *paths, int *ret_rc)
{
    int folder = open_folder(paths->home, false);
    *ret_rc = folder == -ENOENT ? 0 : folder;
    if (folder < 0)
        return NULL;
    DIR *dir = fdopendir(folder);
    if (!dir) {
        *ret_rc = -errno;
        close(folder);
    }
    return dir;
}

static int sync_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

int secret_store_sync(const struct pm2_paths *paths, struct err *e)
{
    int rc;
    DIR *dir = open_list(paths, &rc);
    const struct dirent *entry;
    while (dir && rc == 0 && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = sync_file(dirfd(dir), entry->d_name);
    if (dir && rc == 0 && fsync(dirfd(dir)) < 0)
        rc = -errno;
    if (dir)
        closedir(dir);
    return rc < 0 ? err_set(e, rc, "%s/" FOLDER ": %s", paths->home, err_text(rc)) : 0;
}

/* False: one is there and cannot be read. */
static bool add_text(const char *path, struct buf *out)
{
    int rc = file_read(path, LIMIT_BUF_BYTES, out, NULL);
    return rc == 0 || rc == -ENOENT;
}

static bool read_mentions(const struct pm2_paths *paths, struct buf *out)
{
    AUTO(buf) journal = BUF_INIT;
    buf_printf(&journal, "%s/" JOURNAL_FILE, paths->home);
    return !buf_oom(&journal) && add_text(paths->dump_file, out) &&
           add_text(paths->dump_backup, out) && add_text(journal.data, out);
}

static bool is_old(int folder, const char *name)
{
    struct stat st;
    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_mtime + YOUNG_S < time(NULL);
}

void secret_store_sweep(const struct pm2_paths *paths)
{
    int rc;
    AUTO(buf) texts = BUF_INIT;
    DIR *dir = open_list(paths, &rc);
    if (!dir)
        return;
    const struct dirent *entry;
    bool is_known = read_mentions(paths, &texts);
    while (is_known && (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        if (name[0] == '.' || !is_old(dirfd(dir), name))
            continue;
        if (!texts.data || !memmem(texts.data, texts.len, name, strlen(name)))
            (void)unlinkat(dirfd(dir), name, 0);
    }
    closedir(dir);
}
