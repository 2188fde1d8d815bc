/* SPDX-License-Identifier: MIT
 * Names of rotated log files, and the queue of those that are tidied up. Runs in pm2d; the work
 * itself (tidy()) in a thread of libuv's pool, on nothing but its own job. */
#include "oldlogs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/log.h"
#include "base/obj.h"
#include "base/str.h"
#include "logindex.h"
#include "pack.h"

#define OLDLOGS_MAGIC OBJ_MAGIC('O', 'L', 'D', 'L')

/* ---- names ---- */

bool oldlogs_name(const char *log_path, struct oldlogs_name *ret)
{
    const char *slash = strrchr(log_path, '/');
    const char *file = slash ? slash + 1 : log_path;
    size_t n = strlen(file);
    ret->end = n > 4 && strcmp(file + n - 4, ".log") == 0 ? ".log" : "";
    n -= strlen(ret->end);
    size_t folder = slash ? (size_t)(slash - log_path) : 1;
    if (n > NAME_MAX || folder >= sizeof(ret->folder))
        return false;
    snprintf(ret->folder, sizeof(ret->folder), "%.*s", (int)folder, slash ? log_path : ".");
    if (folder == 0)
        snprintf(ret->folder, sizeof(ret->folder), "/");
    snprintf(ret->stem, sizeof(ret->stem), "%.*s", (int)n, file);
    return true;
}

bool oldlogs_path(const struct oldlogs_name *name, const char *date, unsigned number, char *ret,
                  size_t size)
{
    char suffix[16] = "";
    if (number > 0)
        snprintf(suffix, sizeof(suffix), "_%04u", number);
    int n = snprintf(ret, size, "%s/%s__%s%s%s", name->folder, name->stem, date, suffix, name->end);
    return n > 0 && (size_t)n < size;
}

/* What stands for the date in the name of an old file; empty when it is none. */
static struct str date_part(const struct oldlogs_name *name, const char *file, bool *ret_packed)
{
    static const char *const packed[] = {".gz", ".zst"};
    struct str s = str_from(file);
    *ret_packed = false;
    for (size_t i = 0; i < ARRAY_LEN(packed) && !*ret_packed; i++) {
        *ret_packed = str_ends(s, str_from(packed[i]));
        s.n -= *ret_packed ? strlen(packed[i]) : 0;
    }
    struct str stem = str_from(name->stem);
    struct str end = str_from(name->end);
    if (s.n <= stem.n + 2 + end.n || !str_starts(s, stem) || memcmp(s.p + stem.n, "__", 2) != 0 ||
        !str_ends(s, end))
        return (struct str){s.p, 0};
    return (struct str){s.p + stem.n + 2, s.n - stem.n - 2 - end.n};
}

/* "_0001" behind the date: its number, and the date without it. */
static unsigned cut_number(struct str *s)
{
    size_t digits = 0;
    unsigned number = 0;
    while (digits < s->n && isdigit((unsigned char)s->p[s->n - 1 - digits]))
        digits++;
    if (digits < 4 || digits > 9 || digits >= s->n || s->p[s->n - 1 - digits] != '_')
        return 0;
    for (size_t i = s->n - digits; i < s->n; i++)
        number = number * 10 + (unsigned)(s->p[i] - '0');
    s->n -= digits + 1;
    return number;
}

bool oldlogs_match(const struct oldlogs_name *name, const char *file, const char *date,
                   unsigned *ret_number)
{
    bool is_packed;
    struct str s = date_part(name, file, &is_packed);
    *ret_number = 0;
    if (s.n == 0 || str_eq_c(s, date))
        return s.n > 0;
    *ret_number = cut_number(&s);
    return *ret_number > 0 && str_eq_c(s, date);
}

/* Runs of letters may differ in length (May, September), digits not. */
static bool same_shape(struct str a, const char *date)
{
    const char *p = a.p;
    const char *end = a.p + a.n;
    while (p < end && *date) {
        if (isdigit((unsigned char)*date)) {
            if (!isdigit((unsigned char)*p))
                return false;
            p++, date++;
        } else if (isalpha((unsigned char)*date)) {
            if (!isalpha((unsigned char)*p))
                return false;
            while (p < end && isalpha((unsigned char)*p))
                p++;
            while (isalpha((unsigned char)*date))
                date++;
        } else if (*p++ != *date++) {
            return false;
        }
    }
    return p == end && !*date;
}

bool oldlogs_is_old(const struct oldlogs_name *name, const char *file, const char *date,
                    bool *ret_packed)
{
    struct str s = date_part(name, file, ret_packed);
    if (s.n == 0)
        return false;
    if (same_shape(s, date))
        return true;
    return cut_number(&s) > 0 && same_shape(s, date);
}

/* ---- the queue ---- */

struct job {
    struct list link;
    struct oldlogs *owner;
    struct oldlogs_name name;
    char date[LOG_NAME_DATE_BYTES];
    struct log_policy policy;
    int error; /* of the work: the last */
};

struct oldlogs {
    uint32_t magic;
    uv_loop_t *loop;
    uv_work_t work;
    struct list jobs; /* the first one is under way when `busy` */
    bool busy, closing;
    _Atomic bool stop; /* for the thread */
};

struct old_file {
    char name[NAME_MAX + 1];
    struct timespec when;
    off_t bytes;
    bool packed;
};

struct old_files {
    struct old_file *items;
    size_t count, room;
};

static int by_age(const void *a, const void *b)
{
    const struct old_file *x = a;
    const struct old_file *y = b;
    if (x->when.tv_sec != y->when.tv_sec)
        return x->when.tv_sec < y->when.tv_sec ? -1 : 1;
    if (x->when.tv_nsec != y->when.tv_nsec)
        return x->when.tv_nsec < y->when.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int add_file(struct old_files *files, const char *name, const struct stat *st, bool packed)
{
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 64;
        void *items = realloc(files->items, room * sizeof(*files->items));
        if (!items)
            return -ENOMEM;
        files->items = items;
        files->room = room;
    }
    struct old_file *f = &files->items[files->count++];
    snprintf(f->name, sizeof(f->name), "%s", name);
    f->when = st->st_mtim;
    f->bytes = st->st_size;
    f->packed = packed;
    return 0;
}

static int find_files(const struct job *j, int folder, struct old_files *ret)
{
    int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    int rc = d ? 0 : -errno;
    if (!d && copy >= 0)
        (void)close(copy);
    while (d && rc == 0 && (entry = readdir(d))) {
        struct stat st;
        bool packed;
        if (oldlogs_is_old(&j->name, entry->d_name, j->date, &packed) &&
            fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            rc = add_file(ret, entry->d_name, &st, packed);
    }
    if (d)
        (void)closedir(d);
    if (ret->count > 0)
        qsort(ret->items, ret->count, sizeof(*ret->items), by_age);
    return rc;
}

static void remove_file(int folder, const char *name)
{
    char index[NAME_MAX + 8];
    if (logindex_path(name, index, sizeof(index)))
        (void)unlinkat(folder, index, 0);
    (void)unlinkat(folder, name, 0);
}

/* The oldest go until the rest is within the limits. */
static void remove_surplus(const struct job *j, int folder, struct old_files *files)
{
    int64_t total = 0;
    for (size_t i = 0; i < files->count; i++)
        total += files->items[i].bytes;
    size_t gone = 0;
    while (gone < files->count &&
           ((j->policy.retain > 0 && (int64_t)(files->count - gone) > j->policy.retain) ||
            (j->policy.retain_bytes > 0 && total > j->policy.retain_bytes))) {
        total -= files->items[gone].bytes;
        remove_file(folder, files->items[gone++].name);
    }
    memmove(files->items, files->items + gone, (files->count - gone) * sizeof(*files->items));
    files->count -= gone;
}

static void compress_all(struct job *j, int folder, const struct old_files *files)
{
    for (size_t i = 0; i < files->count && !j->owner->stop; i++) {
        if (files->items[i].packed)
            continue;
        int rc = pack_file(folder, files->items[i].name, j->policy.compress, &j->owner->stop);
        if (rc < 0 && rc != -ECANCELED)
            j->error = rc;
    }
}

static void tidy(struct job *j)
{
    struct old_files files = {0};
    int folder = open(j->name.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    j->error = folder < 0 ? -errno : find_files(j, folder, &files);
    if (j->error == 0 && files.count > 0) {
        remove_surplus(j, folder, &files);
        if (j->policy.compress != LOG_COMPRESS_NONE)
            compress_all(j, folder, &files);
    }
    free(files.items);
    if (folder >= 0)
        (void)close(folder);
}

static void on_work(uv_work_t *w)
{
    const struct oldlogs *o = OBJ(w->data, struct oldlogs, OLDLOGS_MAGIC);
    tidy(LIST_ENTRY(o->jobs.next, struct job, link));
}

static void start_next(struct oldlogs *o);

static void on_worked(uv_work_t *w, int status)
{
    (void)status;
    struct oldlogs *o = OBJ(w->data, struct oldlogs, OLDLOGS_MAGIC);
    struct job *j = LIST_ENTRY(o->jobs.next, struct job, link);
    if (j->error < 0)
        log_error("old log files %s/%s__*: %s", j->name.folder, j->name.stem, err_text(j->error));
    list_del(&j->link);
    free(j);
    o->busy = false;
    start_next(o);
}

static void free_jobs(struct oldlogs *o)
{
    list_for_each_safe (it, next, &o->jobs)
        free(LIST_ENTRY(it, struct job, link));
    list_init(&o->jobs);
}

static void start_next(struct oldlogs *o)
{
    if (o->closing) {
        free_jobs(o);
        free(o);
        return;
    }
    if (list_empty(&o->jobs))
        return;
    o->busy = uv_queue_work(o->loop, &o->work, on_work, on_worked) == 0;
}

struct oldlogs *oldlogs_new(uv_loop_t *loop)
{
    struct oldlogs *o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->magic = OLDLOGS_MAGIC;
    o->loop = loop;
    o->work.data = o;
    list_init(&o->jobs);
    return o;
}

void oldlogs_close(struct oldlogs *o)
{
    if (!o)
        return;
    o->closing = true;
    o->stop = true;
    if (!o->busy)
        start_next(o); /* frees it */
}

/* A job of the same log that has not begun yet will see this file as well. */
static bool is_queued(const struct oldlogs *o, const struct job *like)
{
    list_for_each (it, &o->jobs) {
        struct job *j = LIST_ENTRY(it, struct job, link);
        bool has_begun = o->busy && it == o->jobs.next;
        if (!has_begun && strcmp(j->name.stem, like->name.stem) == 0 &&
            strcmp(j->name.folder, like->name.folder) == 0) {
            memcpy(j->date, like->date, sizeof(j->date));
            j->policy = like->policy;
            return true;
        }
    }
    return false;
}

void oldlogs_tidy(struct oldlogs *o, const char *log_path, const char *date,
                  const struct log_policy *policy)
{
    if (policy->retain == 0 && policy->retain_bytes == 0 && policy->compress == LOG_COMPRESS_NONE)
        return;
    struct job *j = calloc(1, sizeof(*j));
    if (!j || !oldlogs_name(log_path, &j->name)) {
        free(j);
        return; /* the next rotation finds these files, too */
    }
    j->owner = o;
    j->policy = *policy;
    snprintf(j->date, sizeof(j->date), "%s", date);
    if (is_queued(o, j)) {
        free(j);
        return;
    }
    list_add_tail(&o->jobs, &j->link);
    if (!o->busy)
        start_next(o);
}
