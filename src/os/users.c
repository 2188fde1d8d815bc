/* SPDX-License-Identifier: MIT
 * Users and groups through NSS. May block on a directory service: pm2d calls it from a pool thread
 * or accepts the wait; the keeper never does. */
#include "os/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

/* An NSS record of a large group runs to megabytes; beyond this it is nonsense. */
#define RECORD_BYTES_MAX (16UL * 1024 * 1024)
#define GROUPS_MAX       65536 /* the kernel's NGROUPS_MAX */

/* The *_r functions of NSS differ only in key and record; `call` runs one of them. */
struct nss_query {
    const char *name; /* NULL: by id */
    uint32_t id;
    struct passwd pw;
    struct group gr;
    char *memory;
};

typedef int nss_call_fn(struct nss_query *q, char *buf, size_t size, bool *ret_found);

static int call_passwd(struct nss_query *q, char *buf, size_t size, bool *ret_found)
{
    struct passwd *found = NULL;
    int rc = q->name ? getpwnam_r(q->name, &q->pw, buf, size, &found)
                     : getpwuid_r(q->id, &q->pw, buf, size, &found);
    *ret_found = found != NULL;
    return rc;
}

static int call_group(struct nss_query *q, char *buf, size_t size, bool *ret_found)
{
    struct group *found = NULL;
    int rc = q->name ? getgrnam_r(q->name, &q->gr, buf, size, &found)
                     : getgrgid_r(q->id, &q->gr, buf, size, &found);
    *ret_found = found != NULL;
    return rc;
}

/* 1 found (free q->memory), 0 not found, -ENOMEM. A failing directory service counts as "not
 * found": there is nothing else that the caller could do about it. */
static int nss_find(nss_call_fn *call, struct nss_query *q)
{
    for (size_t size = 1024; size <= RECORD_BYTES_MAX; size *= 2) {
        q->memory = malloc(size);
        if (!q->memory)
            return -ENOMEM;
        bool found = false;
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the callers free q.memory */
        int rc = call(q, q->memory, size, &found);
        if (rc == 0 && found)
            return 1; /* q owns it now */
        free(q->memory);
        q->memory = NULL;
        if (rc != ERANGE && rc != EINTR)
            return 0;
    }
    return 0;
}

/* (uid_t)-1 means "leave as it is" to the kernel, so it is no id. */
static bool parse_id(const char *text, uint32_t *ret)
{
    long long v;
    if (!str_to_int(str_from(text), &v) || v < 0 || v >= UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

static int find_either(nss_call_fn *call, const char *text, struct nss_query *q)
{
    *q = (struct nss_query){.name = text};
    int rc = nss_find(call, q);
    if (rc != 0 || !parse_id(text, &q->id))
        return rc;
    q->name = NULL;
    return nss_find(call, q);
}

static int find_group(const char *group, uint32_t *ret_gid, struct err *e)
{
    struct nss_query q;
    int rc = find_either(call_group, group, &q);
    if (rc < 0)
        return err_set(e, rc, "%s", err_text(rc));
    if (rc > 0)
        *ret_gid = q.gr.gr_gid;
    free(q.memory);
    if (rc > 0 || parse_id(group, ret_gid))
        return 0;
    return err_set(e, -ENOENT, "Group %s cannot be found", group);
}

static int list_groups(const char *name, struct user_ids *u)
{
    int room = 32;
    for (;;) {
        gid_t *groups = calloc((size_t)room, sizeof(*groups));
        if (!groups)
            return -ENOMEM;
        int count = room;
        if (getgrouplist(name, u->gid, groups, &count) >= 0) {
            u->groups = groups;
            u->group_count = (size_t)count;
            return 0;
        }
        free(groups);
        if (room >= GROUPS_MAX)
            return -E2BIG;
        room = count > room ? count : room * 2; /* old glibc does not say how many */
    }
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t n = strnlen(from, size - 1);
    memcpy(to, from, n);
    to[n] = '\0';
}

int users_lookup(const char *user, const char *group, struct user_ids *ret, struct err *e)
{
    *ret = (struct user_ids){0};
    struct nss_query q;
    int rc = find_either(call_passwd, user, &q);
    if (rc < 0)
        return err_set(e, rc, "%s", err_text(rc));
    bool known = rc > 0;
    if (known) {
        ret->uid = q.pw.pw_uid;
        ret->gid = q.pw.pw_gid;
        copy_text(ret->name, sizeof(ret->name), q.pw.pw_name);
        copy_text(ret->home, sizeof(ret->home), q.pw.pw_dir);
    } else if (parse_id(user, &ret->uid)) {
        ret->gid = ret->uid; /* the convention of private groups; never root's by accident */
        copy_text(ret->name, sizeof(ret->name), user);
    } else {
        return err_set(e, -ENOENT, "User %s cannot be found", user);
    }
    rc = group ? find_group(group, &ret->gid, e) : 0;
    if (rc == 0 && known) {
        rc = list_groups(q.pw.pw_name, ret);
        if (rc < 0)
            err_set(e, rc, "cannot list the groups of %s: %s", user, err_text(rc));
    }
    free(q.memory);
    return rc;
}

void user_ids_fini(struct user_ids *u)
{
    free(u->groups);
    u->groups = NULL;
    u->group_count = 0;
}

void users_name(uint32_t uid, char *name, size_t size)
{
    struct nss_query q = {.id = uid};
    if (nss_find(call_passwd, &q) > 0)
        copy_text(name, size, q.pw.pw_name);
    else
        snprintf(name, size, "%u", uid);
    free(q.memory);
}
