/* SPDX-License-Identifier: MIT
 * What the tests of process files share: a folder of their own, files in it, reading them. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/buf.h"
#include "procfile/procfile.h"
#include "json/read.h"
#include "json/write.h"

static char rig_dir[] = "/tmp/pm2-procfile-XXXXXX";

static inline int rig_setup(void **state)
{
    (void)state;
    return mkdtemp(rig_dir) ? 0 : -1;
}

static inline const char *rig_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", rig_dir, name);
    return path;
}

static inline void rig_write(const char *name, struct str text)
{
    FILE *f = fopen(rig_path(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    assert_int_equal(fclose(f), 0);
}

/* The list in `name` as JSON. */
static inline void rig_reads_as(const char *name, const char *at, const char *want)
{
    struct procfile f;
    struct err e = {0};
    if (procfile_read(name, rig_dir, &f, &e) < 0)
        fail_msg("%s: %s", name, e.msg);
    AUTO(buf) out = BUF_INIT;
    struct jw w = jw_to(&out);
    jw_dom(&w, f.apps);
    assert_string_equal(out.data, want);
    assert_string_equal(f.apps_at, at);
    procfile_fini(&f);
}

static inline void rig_refuses(const char *name, int code, const char *want)
{
    struct procfile f;
    struct err e = {0};
    assert_int_equal(procfile_read(name, rig_dir, &f, &e), code);
    assert_string_equal(e.msg, want);
    assert_int_equal(e.code, code);
    assert_null(f.apps);
}
