/* SPDX-License-Identifier: MIT
 * Reading and searching. */
#include "cli/log_index.h"

#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "cli/mem.h"
#include "os/clock.h"
#include "os/fd.h"

#define RECORD_BYTES 16
#define SPAN_MS      1000
#define SPAN_DOUBLES (1 << 20) /* bytes of an index, as pm2d has it */
#define DOUBLES_MAX  6
#define FUTURE_MS    (24L * 3600 * 1000) /* a clock may have been set back so far */

static int open_index(const char *log_path)
{
    static const char *const packings[] = {".gz", ".zst"};
    AUTO(buf) path = BUF_INIT;
    const char *slash = strrchr(log_path, '/');
    struct str folder = {log_path, slash ? (size_t)(slash - log_path) + 1 : 0};
    struct str name = str_from(log_path + folder.n);
    for (size_t i = 0; i < ARRAY_LEN(packings); i++)
        if (str_ends(name, str_from(packings[i])))
            name.n -= strlen(packings[i]);
    buf_add_str(&path, folder);
    buf_add_byte(&path, '.');
    buf_add_str(&path, name);
    buf_add_c(&path, ".idx");
    return open(path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* `at`: where in the index it stands. */
static struct log_record decode(const unsigned char *bytes, size_t at)
{
    uint64_t words[2];
    size_t doubles = at / SPAN_DOUBLES < DOUBLES_MAX ? at / SPAN_DOUBLES : DOUBLES_MAX;
    memcpy(words, bytes, sizeof(words));
    return (struct log_record){(int64_t)le64toh(words[0]), (int64_t)SPAN_MS << doubles,
                               (off_t)le64toh(words[1])};
}

static bool is_later(const struct log_record *last, const struct log_record *r)
{
    return r->at_ms > 0 && r->offset >= 0 &&
           (!last || (r->at_ms > last->at_ms && r->offset > last->offset));
}

/* `count` records from the one with number `first` on. pm2d writes none that does not follow the
 * one before: where there is one nobody knows which of them is wrong, and a search that begins at
 * the wrong place passes over lines in silence. Then it is as if there were no index. */
static void read_records(struct log_index *ix, int fd, size_t first, size_t count, off_t size)
{
    unsigned char *bytes = mem_alloc(count * RECORD_BYTES);
    ssize_t n = pread(fd, bytes, count * RECORD_BYTES, (off_t)(first * RECORD_BYTES));
    const struct log_record *last = NULL;
    ix->at = mem_alloc(count * sizeof(ix->at[0]));
    for (ssize_t i = 0; i + RECORD_BYTES <= n; i += RECORD_BYTES) {
        struct log_record *r = &ix->at[ix->count];
        *r = decode(bytes + i, first * RECORD_BYTES + (size_t)i);
        if (r->at_ms == 0 && r->offset == 0) /* of a disk that lost power */
            continue;
        if (!is_later(last, r)) {
            ix->count = 0;
            break;
        }
        if (r->offset > size) /* the log has been cut, and pm2d has not written since */
            break;
        last = r;
        ix->count++;
    }
    free(bytes);
}

void log_index_read(struct log_index *ix, const char *log_path, off_t size)
{
    struct stat st;
    *ix = (struct log_index){0};
    int fd = open_index(log_path);
    bool is_there = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    size_t count = is_there ? (size_t)st.st_size / RECORD_BYTES : 0;
    size_t most = LIMIT_CLI_INDEX_RECORDS;
    if (count > 0) /* of too many the last */
        read_records(ix, fd, count > most ? count - most : 0, count > most ? most : count, size);
    fd_close(&fd);
}

void log_index_fini(struct log_index *ix)
{
    free(ix->at);
    *ix = (struct log_index){0};
}

bool log_index_begin(const char *log_path, int64_t *ret_ms)
{
    unsigned char bytes[2 * RECORD_BYTES];
    int fd = open_index(log_path);
    ssize_t n = fd < 0 ? 0 : pread(fd, bytes, sizeof(bytes), 0);
    fd_close(&fd);
    if (n < RECORD_BYTES)
        return false;
    struct log_record first = decode(bytes, 0);
    if (!is_later(NULL, &first) || first.at_ms > clock_wall_ms() + FUTURE_MS)
        return false;
    if (n == sizeof(bytes)) {
        struct log_record second = decode(bytes + RECORD_BYTES, RECORD_BYTES);
        if (!is_later(&first, &second))
            return false;
    }
    *ret_ms = first.at_ms;
    return true;
}

/* How many records are not later than `at_ms`. */
static size_t count_until(const struct log_index *ix, int64_t at_ms)
{
    size_t low = 0;
    size_t high = ix->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ix->at[middle].at_ms <= at_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool log_index_time(const struct log_index *ix, off_t offset, int64_t *ret_ms)
{
    size_t low = 0;
    size_t high = ix->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ix->at[middle].offset <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        *ret_ms = ix->at[low - 1].at_ms;
    return low > 0;
}

off_t log_index_since(const struct log_index *ix, int64_t at_ms, off_t size)
{
    size_t n = count_until(ix, at_ms);
    if (n > 0 && ix->at[n - 1].at_ms + ix->at[n - 1].span_ms > at_ms)
        n--;
    return n < ix->count ? ix->at[n].offset : size;
}

off_t log_index_until(const struct log_index *ix, int64_t at_ms, off_t size)
{
    size_t n = count_until(ix, at_ms);
    return n < ix->count ? ix->at[n].offset : size;
}
