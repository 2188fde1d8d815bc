/* SPDX-License-Identifier: MIT
 * The logs that a stream is made of, one by one: which process a file belongs to, how far it has
 * been read, and what tells that it grows. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/growth.h"
#include "cli/log_files.h"
#include "cli/log_owner.h"

struct log_source {
    struct growth growth;
    struct log_owner owner; /* of a shared file */
    int64_t id;
    char *name; /* owned */
    enum log_kind kind;
    bool shared;    /* several streams write it */
    bool is_behind; /* there may be something to read */
    uint64_t turn;  /* in the order in which they changed */
    /* internal: watches of inotify, -1 = none */
    int folder_wd, file_wd, next_wd;
};

struct log_sources {
    struct log_source **at;
    size_t count, room;
    int inotify_fd; /* -1: the kernel refuses, files are looked at now and then */
    bool is_blind;  /* some file has no watch */
    json_t *before; /* files that were there at the begin: path, and inode, to size */
    int64_t begin_ms;
    uint64_t turns;
};

/* What is in `folder` now is remembered; of files elsewhere it counts when they were made. */
void log_sources_init(struct log_sources *s, const char *folder);
void log_sources_fini(struct log_sources *s);

struct log_source *log_sources_find(const struct log_sources *s, const char *path);

/* Follow a file from its end as it is now (it is shown up to there by someone else). */
struct log_source *log_sources_add_end(struct log_sources *s, const char *path);
/* Follow a file that turned up later: what was written into it since the begin counts. */
struct log_source *log_sources_add_new(struct log_sources *s, const char *path);
/* Whose it is. */
void log_source_name(struct log_source *src, int64_t id, const char *name, enum log_kind kind,
                     bool shared);

/* Mark the sources that the kernel says have changed. */
void log_sources_dispatch(struct log_sources *s);
/* Mark all of them; what has no watch is given one. */
void log_sources_look(struct log_sources *s);
/* The one that changed first of those that have something to read; NULL when none has. */
struct log_source *log_sources_next(struct log_sources *s);
/* After a step of its growth: whether there is more to read. */
void log_sources_stepped(struct log_sources *s, struct log_source *src, bool has_more);
