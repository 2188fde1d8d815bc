/* SPDX-License-Identifier: MIT
 * The saved list on the disk. Runs in pm2d, in libuv's pool. */
#include "dump_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/dump.h"
#include "base/buf.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "os/atomic_file.h"
#include "json/indent.h"

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- reading ---- */

static void read_sums(const struct dump_paths *paths, struct buf *ret)
{
    struct err e = {0};
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s.sum", paths->file);
    if (!buf_oom(&path) && file_read(path.data, LIMIT_SETTINGS_BYTES, ret, &e) < 0)
        buf_clear(ret);
}

static int check_sum(const char *path, const struct dump_paths *paths, struct str sums,
                     struct str text, struct err *e)
{
    if (dump_sum_check(sums, text) != DUMP_DAMAGED)
        return 0;
    return err_set(e, -EBADMSG,
                   "%s is not what was saved: its checksum is another than in %s.sum (if you "
                   "changed it on purpose, remove that file)",
                   path, paths->file);
}

/* The entries of one of the two files, or NULL with `e`. */
static json_t *read_one(const char *path, const struct dump_paths *paths, struct str sums,
                        struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    struct err why = {0};
    if (file_read(path, LIMIT_DUMP_BYTES, &text, e) < 0 ||
        check_sum(path, paths, sums, buf_str(&text), e) < 0)
        return NULL;
    json_t *entries = dump_parse(buf_str(&text), &why);
    if (!entries)
        err_set(e, why.code, "%s: %s", path, why.msg);
    return entries;
}

void dump_file_read(const struct dump_paths *paths, struct dump_found *ret)
{
    AUTO(buf) sums = BUF_INIT;
    *ret = (struct dump_found){0};
    read_sums(paths, &sums);
    ret->entries = read_one(paths->file, paths, buf_str(&sums), &ret->file);
    ret->exists = ret->file.code != -ENOENT;
    if (ret->entries)
        return;
    ret->entries = read_one(paths->backup, paths, buf_str(&sums), &ret->backup);
    ret->exists = ret->exists || ret->backup.code != -ENOENT;
    ret->from_backup = ret->entries;
}

/* ---- writing ---- */

/* What is to become of the list that is there. */
enum fate { FATE_NONE, FATE_BACKUP, FATE_ASIDE };

static enum fate look_at_old(const struct dump_paths *paths, struct str sums, struct buf *text)
{
    struct err e = {0};
    int rc = file_read(paths->file, LIMIT_DUMP_BYTES, text, &e);
    if (rc == -ENOENT)
        return FATE_NONE;
    enum dump_check check = rc < 0 ? DUMP_DAMAGED : dump_sum_check(sums, buf_str(text));
    if (check != DUMP_UNKNOWN)
        return check == DUMP_MATCHES ? FATE_BACKUP : FATE_ASIDE;
    json_t *entries = dump_parse(buf_str(text), &e);
    json_decref(entries);
    return entries ? FATE_BACKUP : FATE_ASIDE;
}

/* The sums of the new list and of the backup as it will be: written first, because a list without
 * its sum would look damaged, and a sum without its list harms nobody. */
static int write_sums(const struct dump_paths *paths, struct str list, enum fate fate,
                      struct str old, struct str old_sums, struct err *e)
{
    AUTO(buf) sums = BUF_INIT;
    AUTO(buf) path = BUF_INIT;
    dump_sum_add(&sums, base_of(paths->file), list);
    if (fate == FATE_BACKUP)
        dump_sum_add(&sums, base_of(paths->backup), old);
    else
        buf_add_str(&sums, dump_sum_line(old_sums, base_of(paths->backup)));
    buf_printf(&path, "%s.sum", paths->file);
    if (buf_oom(&sums) || buf_oom(&path))
        return err_set(e, -ENOMEM, "out of memory");
    int rc = file_write_new(path.data, buf_str(&sums), e);
    return rc < 0 ? rc : file_put_new(path.data, e);
}

static int keep_old(const struct dump_paths *paths, enum fate fate, struct err *e)
{
    AUTO(buf) aside = BUF_INIT;
    if (fate == FATE_BACKUP)
        return file_keep_as(paths->file, paths->backup, e);
    if (fate == FATE_NONE)
        return 0;
    buf_printf(&aside, "%s.damaged", paths->file);
    return buf_oom(&aside) ? err_set(e, -ENOMEM, "out of memory")
                           : file_keep_as(paths->file, aside.data, e);
}

/* `file` is where the list lies: what a symbolic link leads to, or the path itself. */
static int replace(const struct dump_paths *paths, const char *file, struct str list, struct err *e)
{
    AUTO(buf) sums = BUF_INIT;
    AUTO(buf) old = BUF_INIT;
    read_sums(paths, &sums);
    enum fate fate = look_at_old(paths, buf_str(&sums), &old);
    FAILPOINT("save.before");
    int rc = file_write_new(file, list, e);
    FAILPOINT("save.written");
    if (rc == 0)
        rc = write_sums(paths, list, fate, buf_str(&old), buf_str(&sums), e);
    FAILPOINT("save.summed");
    if (rc == 0)
        rc = keep_old(paths, fate, e);
    FAILPOINT("save.kept");
    if (rc == 0)
        rc = file_put_new(file, e);
    else
        file_drop_new(file);
    FAILPOINT("save.after");
    return rc;
}

int dump_file_write(const struct dump_paths *paths, struct str list, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    json_indent(&text, list);
    if (buf_oom(&text))
        return err_set(e, -ENOMEM, "out of memory");
    if (text.len > LIMIT_DUMP_BYTES)
        return err_set(e, -EFBIG, "the list has %zu bytes, and %lu can be saved", text.len,
                       LIMIT_DUMP_BYTES);
    char *real = realpath(paths->file, NULL);
    int rc = replace(paths, real ? real : paths->file, buf_str(&text), e);
    free(real);
    return rc;
}
