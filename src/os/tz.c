/* SPDX-License-Identifier: MIT
 * Time zones. */
#include "os/tz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ZONE_FOLDER   "/usr/share/zoneinfo"
#define NAME_MAX_TEXT 128

bool tz_is_name(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "+-_/";
    size_t n = strlen(name); /* no dots: nothing leads upwards */
    return n > 0 && n < NAME_MAX_TEXT && name[0] != '/' && name[strspn(name, allowed)] == '\0';
}

int tz_check(const char *name)
{
    char path[sizeof(ZONE_FOLDER) + NAME_MAX_TEXT + 1];
    struct stat st;
    if (!tz_is_name(name))
        return -EINVAL;
    if (strcmp(name, "UTC") == 0) /* also where no zones are installed */
        return 0;
    const char *folder = getenv("TZDIR");
    int n = snprintf(path, sizeof(path), "%s/%s", folder ? folder : ZONE_FOLDER, name);
    if (n < 0 || n >= (int)sizeof(path) || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return -ENOENT;
    return 0;
}

static int offset_here(int64_t utc_s)
{
    struct tm tm;
    time_t t = (time_t)utc_s;
    return localtime_r(&t, &tm) ? (int)tm.tm_gmtoff : 0;
}

static void set_tz(const char *value)
{
    if (value)
        (void)setenv("TZ", value, 1);
    else
        (void)unsetenv("TZ");
    tzset();
}

int tz_offset(const char *name, int64_t utc_s)
{
    char value[NAME_MAX_TEXT + 2];
    if (!name) {
        tzset(); /* localtime_r need not notice that the system's zone is another one now */
        return offset_here(utc_s);
    }
    if (!tz_is_name(name))
        return 0;
    const char *now = getenv("TZ");
    char *before = now ? strdup(now) : NULL;
    if (now && !before)
        return 0;
    snprintf(value, sizeof(value), ":%s", name);
    set_tz(value);
    int offset = offset_here(utc_s);
    set_tz(before);
    free(before);
    return offset;
}
