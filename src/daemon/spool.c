/* SPDX-License-Identifier: MIT
 * Output on its way through memory that outlives pm2d. Runs in pm2d. */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "logfile.h"
#include "os/fd.h"

#define SPOOL_MAGIC 0x314c4f4f50533243ULL /* "C2SPOOL1" */
#define HEAD_BYTES  4096UL
#define CHUNK_BYTES (128UL * 1024)
#define RAW_AT      HEAD_BYTES
#define RAW_BYTES   (384UL * 1024)
#define TEXT_AT     (RAW_AT + RAW_BYTES)
#define TOTAL_BYTES (TEXT_AT + SPOOL_TEXT_BYTES)
#define REST_BYTES  (64UL * 1024) /* kept by a spool that rests */

/* What is moved to the front must not overlap where it comes from. */
_Static_assert(RAW_BYTES - CHUNK_BYTES >= 2 * LIMIT_LOG_LINE_BYTES, "room for an open line");

typedef _Atomic uint64_t word;

/* A number and a flag that change together. */
#define PACK(n, flag) ((uint64_t)(n) << 1 | (uint64_t)(flag))
#define NUMBER(w)     ((size_t)((w) >> 1))
#define FLAG(w)       (((w)&1) != 0)

struct target {
    word at;   /* offset in the file of the write that is announced */
    word done; /* PACK(bytes of the text that are written, one is announced) */
};

/* In the memfd. The next pm2d may be of another release: what changes here changes the magic. */
struct head {
    uint64_t magic;
    word used;    /* PACK(raw bytes that have become text, in a line) */
    word move;    /* PACK(open bytes to be found at the front, is set) */
    word pending; /* 1 = what follows holds */
    uint64_t used_after, text_at, text_len;
    struct target targets[SPOOL_FILES];
};

struct spool {
    int fd;
    char *memory;
    struct head *head;
    size_t filled;  /* raw bytes: the file position */
    size_t touched; /* of the memory, since it was last given back */
};

static void set(word *w, uint64_t v)
{
    atomic_store_explicit(w, v, memory_order_release);
}

static uint64_t get(const word *w)
{
    return atomic_load_explicit(w, memory_order_acquire);
}

int spool_fd(const struct spool *s)
{
    return s->fd;
}

/* ---- begin ---- */

static int seek(struct spool *s, size_t filled)
{
    if (lseek(s->fd, (off_t)(RAW_AT + filled), SEEK_SET) < 0)
        return -errno;
    s->filled = filled;
    return 0;
}

/* The end of a move to the front: the bytes are there already. May be done twice. */
static int finish_move(struct spool *s, size_t open)
{
    int rc = seek(s, open);
    if (rc == 0) {
        set(&s->head->used, PACK(0, FLAG(get(&s->head->used))));
        set(&s->head->move, 0);
    }
    return rc;
}

static int recover(struct spool *s)
{
    off_t at = lseek(s->fd, 0, SEEK_CUR);
    if (s->head->magic != SPOOL_MAGIC || at < (off_t)RAW_AT || at > (off_t)TEXT_AT)
        return -EPROTO;
    s->filled = (size_t)at - RAW_AT;
    s->touched = TOTAL_BYTES;
    if (FLAG(get(&s->head->move)))
        return finish_move(s, NUMBER(get(&s->head->move)));
    if (NUMBER(get(&s->head->used)) > s->filled) /* died between the two steps of start_over() */
        set(&s->head->used, PACK(0, FLAG(get(&s->head->used))));
    return 0;
}

static int begin(struct spool *s)
{
    s->head->magic = SPOOL_MAGIC;
    return seek(s, 0);
}

/* The size must be right before the memory is touched: beyond the end there is only SIGBUS. */
static int map(struct spool *s, bool is_new)
{
    struct stat st;
    if (is_new && ftruncate(s->fd, (off_t)TOTAL_BYTES) < 0)
        return -errno;
    if (fstat(s->fd, &st) < 0 || st.st_size != (off_t)TOTAL_BYTES)
        return -EPROTO;
    void *all = mmap(NULL, TOTAL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (all == MAP_FAILED)
        return -errno;
    s->memory = all;
    s->head = all;
    return is_new ? begin(s) : recover(s);
}

struct spool *spool_new(int take_fd, int *ret_code)
{
    struct spool *s = calloc(1, sizeof(*s));
    bool is_new = take_fd < 0;
    int fd = is_new ? memfd_create("pm2-log", MFD_CLOEXEC) : take_fd;
    int rc = !s ? -ENOMEM : fd < 0 ? -errno : 0;
    if (s)
        s->fd = fd;
    else
        fd_close(&fd);
    if (rc == 0)
        rc = map(s, is_new);
    *ret_code = rc;
    if (rc == 0)
        return s;
    spool_free(s);
    return NULL;
}

void spool_free(struct spool *s)
{
    if (!s)
        return;
    if (s->memory)
        (void)munmap(s->memory, TOTAL_BYTES);
    fd_close(&s->fd);
    free(s);
}

/* ---- raw bytes ---- */

/* All raw bytes are used: the next come to the front. The position first: between the two steps it
 * lies before `used`, which cannot be otherwise. */
static int start_over(struct spool *s)
{
    bool in_line = FLAG(get(&s->head->used));
    int rc = seek(s, 0);
    if (rc == 0)
        set(&s->head->used, PACK(0, in_line));
    return rc;
}

/* Bring an open line to the front. */
static int move_open(struct spool *s)
{
    size_t used = NUMBER(get(&s->head->used));
    size_t open = s->filled - used;
    if (open > used)
        return -ENOBUFS;
    memcpy(s->memory + RAW_AT, s->memory + RAW_AT + used, open);
    FAILPOINT("spool.copied");
    set(&s->head->move, PACK(open, 1));
    return finish_move(s, open);
}

static int make_room(struct spool *s)
{
    size_t used = NUMBER(get(&s->head->used));
    if (used == s->filled && used > 0)
        return start_over(s);
    return RAW_BYTES - s->filled < CHUNK_BYTES ? move_open(s) : 0;
}

static void touch(struct spool *s, size_t end)
{
    if (end > s->touched)
        s->touched = end;
}

ssize_t spool_fill(struct spool *s, int pipe_fd)
{
    int rc = spool_is_pending(s) ? -ENOBUFS : make_room(s);
    if (rc < 0)
        return rc;
    ssize_t n;
    do
        n = splice(pipe_fd, NULL, s->fd, NULL, CHUNK_BYTES, SPLICE_F_NONBLOCK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    FAILPOINT("spool.filled");
    s->filled += (size_t)n;
    touch(s, RAW_AT + s->filled);
    return n;
}

struct str spool_raw(const struct spool *s, bool *ret_in_line)
{
    uint64_t used = get(&s->head->used);
    *ret_in_line = FLAG(used);
    return (struct str){s->memory + RAW_AT + NUMBER(used), s->filled - NUMBER(used)};
}

/* ---- text ---- */

bool spool_is_pending(const struct spool *s)
{
    return get(&s->head->pending) != 0;
}

void spool_commit(struct spool *s, struct str text, size_t used, bool in_line)
{
    struct head *h = s->head;
    bool is_raw = text.p >= s->memory + RAW_AT && text.p < s->memory + TEXT_AT;
    if (!is_raw) {
        memcpy(s->memory + TEXT_AT, text.p, text.n);
        touch(s, TEXT_AT + text.n);
    }
    h->text_at = is_raw ? (uint64_t)(text.p - s->memory) : TEXT_AT;
    h->text_len = text.n;
    h->used_after = PACK(NUMBER(get(&h->used)) + used, in_line);
    for (size_t i = 0; i < SPOOL_FILES; i++)
        set(&h->targets[i].done, PACK(0, 0));
    set(&h->pending, 1);
    FAILPOINT("spool.committed");
}

/* A write was announced by a pm2d that is dead: how much of it stands in the file? */
static size_t written_before(const struct logfile *f, off_t at, struct str text)
{
    char there[16384];
    size_t same = 0;
    if (!f->regular) /* what a pipe has taken nobody can tell: rather twice than not at all */
        return 0;
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd >= 0 && same < text.n) {
        size_t want = text.n - same < sizeof(there) ? text.n - same : sizeof(there);
        ssize_t n = pread(fd, there, want, at + (off_t)same);
        size_t i = 0;
        while (n > 0 && i < (size_t)n && there[i] == text.p[same + i])
            i++;
        same += i;
        if (n <= 0 || i < (size_t)n)
            break;
    }
    fd_close(&fd);
    return same;
}

static int write_target(struct target *t, struct logfile *f, struct str text)
{
    uint64_t done = get(&t->done);
    if (FLAG(done)) {
        size_t more = written_before(f, (off_t)get(&t->at),
                                     (struct str){text.p + NUMBER(done), text.n - NUMBER(done)});
        done = PACK(NUMBER(done) + more, 0);
        set(&t->done, done);
    }
    while (NUMBER(done) < text.n) {
        size_t n = text.n - NUMBER(done);
        off_t at = logfile_prepare(f, text.p + NUMBER(done), &n);
        if (at < 0 && at != -ENOSPC)
            return (int)at;
        ssize_t w = (ssize_t)n; /* dropped, and counted */
        if (at >= 0) {
            set(&t->at, (uint64_t)at);
            set(&t->done, PACK(NUMBER(done), 1));
            w = logfile_put(f, text.p + NUMBER(done), n, at);
            FAILPOINT("spool.written");
        }
        done = PACK(NUMBER(done) + (size_t)(w > 0 ? w : 0), 0);
        set(&t->done, done);
    }
    return 0;
}

int spool_write(struct spool *s, struct logfile *const files[SPOOL_FILES])
{
    struct head *h = s->head;
    if (!spool_is_pending(s))
        return 0;
    struct str text = {s->memory + h->text_at, h->text_len};
    for (size_t i = 0; i < SPOOL_FILES; i++) {
        int rc = files[i] ? write_target(&h->targets[i], files[i], text) : 0;
        if (rc < 0)
            return rc;
    }
    set(&h->used, h->used_after);
    FAILPOINT("spool.used");
    set(&h->pending, 0);
    return 0;
}

void spool_rest(struct spool *s)
{
    bool is_empty = NUMBER(get(&s->head->used)) == s->filled && !spool_is_pending(s);
    if (!is_empty || s->touched <= RAW_AT + REST_BYTES)
        return;
    if (start_over(s) == 0 && fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                        (off_t)RAW_AT, (off_t)(TOTAL_BYTES - RAW_AT)) == 0)
        s->touched = 0;
}
