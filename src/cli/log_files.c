/* SPDX-License-Identifier: MIT
 * Collecting log files and their sizes. */
#include "cli/log_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/mem.h"
#include "json/read.h"

void log_files_fini(struct log_files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->at[i].path);
        free(f->at[i].name);
    }
    free(f->at);
    *f = (struct log_files){0};
}

const struct log_file *log_files_find(const struct log_files *f, const char *path)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->at[i].path, path) == 0)
            return &f->at[i];
    return NULL;
}

static void add_file(struct log_files *f, const char *path, const char *name, int64_t id,
                     enum log_kind kind)
{
    struct stat st;
    if (!path || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    struct log_file *known = (struct log_file *)log_files_find(f, path);
    if (known) {
        known->shared = true;
        return;
    }
    if (f->count == f->room) {
        f->room = f->room ? 2 * f->room : 16;
        f->at = mem_resize(f->at, f->room * sizeof(f->at[0]));
    }
    f->at[f->count++] = (struct log_file){
        .path = mem_dup(path, strlen(path)),
        .name = mem_dup(name, strlen(name)),
        .id = id,
        .kind = kind,
        .size = st.st_size,
        .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
    };
}

static int by_age(const void *a, const void *b)
{
    const struct log_file *x = a;
    const struct log_file *y = b;
    bool x_first = x->kind == LOG_PM2;
    bool y_first = y->kind == LOG_PM2;
    if (x_first != y_first)
        return x_first ? -1 : 1;
    if (x->mtime_ns != y->mtime_ns)
        return x->mtime_ns < y->mtime_ns ? -1 : 1;
    return x->id != y->id ? (x->id < y->id ? -1 : 1) : (int)x->kind - (int)y->kind;
}

void log_files_collect(struct log_files *f, const json_t *list, const struct log_wish *wish)
{
    size_t i;
    json_t *row;
    if (wish->kind[LOG_PM2])
        add_file(f, wish->pm2_log, "PM2", LOG_PM2_ID, LOG_PM2);
    json_array_foreach ((json_t *)list, i, row) {
        const char *name = json_get_str(row, "name");
        int64_t id = 0;
        (void)json_get_int(row, "id", &id);
        if (wish->kind[LOG_OUT])
            add_file(f, json_get_str(row, "out_log"), name ? name : "", id, LOG_OUT);
        if (wish->kind[LOG_ERR])
            add_file(f, json_get_str(row, "err_log"), name ? name : "", id, LOG_ERR);
    }
    if (f->count > 0)
        qsort(f->at, f->count, sizeof(f->at[0]), by_age);
}
