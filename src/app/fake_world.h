/* SPDX-License-Identifier: MIT
 * For tests of this folder: an app_world that is a table. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app/conf.h"
#include "app/world.h"

struct fake_file {
    const char *path;
    enum file_kind kind; /* FILE_NONE: an error of its own, `code` */
    bool can_execute, is_secret;
    const char *text;
    int code;
};

#define FAKE_ELF "\177ELF\2\1\1"

static const struct fake_file fake_files[] = {
    {.path = "/", .kind = FILE_FOLDER},
    {.path = "/w", .kind = FILE_FOLDER},
    {.path = "/w/app.js", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.mjs", .kind = FILE_REGULAR, .text = "import 'x'"},
    {.path = "/w/app.py", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.sh", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.rb", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.php", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.pl", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.ts", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.tsx", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/a.PY", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/.js", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/noext", .kind = FILE_REGULAR, .text = "console.log(1)"},
    {.path = "/w/empty", .kind = FILE_REGULAR, .text = ""},
    {.path = "/w/shx", .kind = FILE_REGULAR, .can_execute = true, .text = "#!/bin/sh\necho node "},
    {.path = "/w/shnox", .kind = FILE_REGULAR, .text = "#!/bin/sh\necho hi\n"},
    {.path = "/w/nodex",
     .kind = FILE_REGULAR,
     .can_execute = true,
     .text = "#!/usr/bin/env node\nconsole.log(1)\n"},
    {.path = "/w/bin", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/w/binx", .kind = FILE_REGULAR, .text = FAKE_ELF},
    {.path = "/w/only-x", .kind = FILE_REGULAR, .can_execute = true, .is_secret = true},
    {.path = "/w/secret", .kind = FILE_REGULAR, .is_secret = true},
    {.path = "/w/secret.js", .kind = FILE_REGULAR, .is_secret = true},
    {.path = "/w/my app.js", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/fifo", .kind = FILE_OTHER},
    {.path = "/w/locked", .kind = FILE_NONE, .code = -EACCES},
    {.path = "/w/sub", .kind = FILE_FOLDER},
    {.path = "/w/sub/app.js", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/dir", .kind = FILE_FOLDER},
    {.path = "/w/dir/index.js", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/pkg", .kind = FILE_FOLDER},
    {.path = "/w/pkg/package.json", .kind = FILE_REGULAR, .text = "{\"main\":\"lib/m\"}"},
    {.path = "/w/pkg/lib/m.js", .kind = FILE_REGULAR, .text = "x"},
    {.path = "/w/badpkg", .kind = FILE_FOLDER},
    {.path = "/w/badpkg/package.json", .kind = FILE_REGULAR, .text = "{\"main\":5"},
    {.path = "/w/venv/python3", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/bin/node", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/bin/python3", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/bin/bash", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/bin/sleep", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/bin/php", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/bin/perl", .kind = FILE_REGULAR, .text = "not executable"},
    {.path = "/home", .kind = FILE_FOLDER},
    {.path = "/home/me", .kind = FILE_FOLDER},
    /* A system that has no bash, and one that has everything twice. */
    {.path = "/busybox/sh", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/opt/bun", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
    {.path = "/opt/python", .kind = FILE_REGULAR, .can_execute = true, .text = FAKE_ELF},
};

static const struct fake_file *fake_find(const char *path)
{
    for (size_t i = 0; i < sizeof(fake_files) / sizeof(fake_files[0]); i++) {
        if (strcmp(fake_files[i].path, path) == 0)
            return &fake_files[i];
    }
    return NULL;
}

static enum file_kind fake_kind(void *ctx, const char *path, int *ret_code)
{
    (void)ctx;
    const struct fake_file *f = fake_find(path);
    *ret_code = strlen(path) > 255 ? -ENAMETOOLONG : f ? f->code : -ENOENT;
    return f ? f->kind : FILE_NONE;
}

static bool fake_is_executable(void *ctx, const char *path)
{
    (void)ctx;
    const struct fake_file *f = fake_find(path);
    return f && f->can_execute;
}

static bool fake_is_readable(void *ctx, const char *path)
{
    (void)ctx;
    const struct fake_file *f = fake_find(path);
    return f && f->kind != FILE_NONE && !f->is_secret;
}

static long fake_read_head(void *ctx, const char *path, void *buf, size_t n)
{
    (void)ctx;
    const struct fake_file *f = fake_find(path);
    if (!f || f->kind != FILE_REGULAR)
        return -ENOENT;
    if (f->is_secret)
        return -EACCES;
    /* The NUL behind the magic number is part of a program. */
    size_t have = strlen(f->text) + (strcmp(f->text, FAKE_ELF) == 0);
    n = have < n ? have : n;
    memcpy(buf, f->text, n);
    return (long)n;
}

static int fake_find_user(void *ctx, const char *user, const char *group, long long *ret_uid,
                          long long *ret_gid, char *home, size_t home_size, struct err *e)
{
    (void)ctx;
    if (user && strcmp(user, "nobody") != 0 && strcmp(user, "65534") != 0)
        return err_set(e, -ENOENT, "User %s cannot be found", user);
    if (group && strcmp(group, "staff") != 0 && strcmp(group, "50") != 0)
        return err_set(e, -ENOENT, "Group %s cannot be found", group);
    *ret_uid = 65534;
    *ret_gid = group ? 50 : 65534;
    (void)snprintf(home, home_size, "/nonexistent");
    return 0;
}

static const struct app_world fake_world = {
    .kind = fake_kind,
    .is_executable = fake_is_executable,
    .is_readable = fake_is_readable,
    .read_head = fake_read_head,
    .find_user = fake_find_user,
    .is_root = true,
    .username = "root",
    .cpu_count = 4,
};
