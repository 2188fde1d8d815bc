/* SPDX-License-Identifier: MIT
 * Words behind `pm2 install`. */
#include "cli/module_word.h"

#include <string.h>

#include "base/limits.h"

static bool begins(const char *word, const char *with)
{
    return strncmp(word, with, strlen(with)) == 0;
}

static bool ends(const char *word, const char *with)
{
    size_t n = strlen(word);
    size_t m = strlen(with);
    return n >= m && strcmp(word + n - m, with) == 0;
}

enum module_kind module_word_kind(const char *word)
{
    if (strcmp(word, ".") == 0)
        return MODULE_HERE;
    if (strcmp(word, "..") == 0 || begins(word, "./") || begins(word, "../") || begins(word, "/") ||
        begins(word, "~/") || begins(word, "file:"))
        return MODULE_PATH;
    bool is_tarball = ends(word, ".tgz") || ends(word, ".tar.gz") || ends(word, ".tar");
    return is_tarball && !strstr(word, "://") ? MODULE_PATH : MODULE_NPM;
}

void module_word_path(const char *word, const char *cwd, const char *home, struct buf *ret)
{
    if (begins(word, "file:"))
        word += begins(word, "file://") ? strlen("file://") : strlen("file:");
    if (begins(word, "~/"))
        buf_printf(ret, "%s%s", home, word + 1);
    else if (word[0] == '/')
        buf_add_c(ret, word);
    else
        buf_printf(ret, "%s/%s", cwd, word);
}

void module_word_name(const char *word, struct buf *ret)
{
    bool is_scoped = word[0] == '@';
    size_t n = strcspn(word, "#?"); /* a branch */
    const char *version = n > 1 ? memchr(word + 1, '@', n - 1) : NULL;
    if (is_scoped || !memchr(word, '/', n)) {
        buf_add(ret, word, version ? (size_t)(version - word) : n);
        return;
    }
    while (n > 0 && word[n - 1] == '/')
        n--;
    const char *slash = memrchr(word, '/', n);
    const char *name = slash ? slash + 1 : word;
    n -= (size_t)(name - word);
    if (n > 4 && memcmp(name + n - 4, ".git", 4) == 0)
        n -= 4;
    buf_add(ret, name, n);
}

bool module_name_ok(const char *name)
{
    const char *slash = strchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    if (slash && (name[0] != '@' || slash == name + 1 || name[1] == '.'))
        return false;
    return *last != '\0' && *last != '.' && !strchr(last, '/') &&
           strlen(name) <= LIMIT_NAME_BYTES && strcspn(name, "\\:;|`'\" \t\n") == strlen(name);
}
