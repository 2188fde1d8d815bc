/* SPDX-License-Identifier: MIT
 * For tests: memory that runs out at the nth allocation. Our own calls arrive here by the linker's
 * --wrap (malloc, calloc, realloc, free, strdup, strndup), jansson's by its hooks:
 *
 *   json_set_alloc_funcs(__wrap_malloc, __wrap_free);
 *
 * To be included by one file of a test program. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

static struct {
    long countdown; /* the allocation that fails; 0 = none */
    bool fired;
    bool is_sticky; /* from then on all fail */
    long live;      /* blocks not freed */
} heap;

static bool fails(void)
{
    if (heap.fired && heap.is_sticky)
        return true;
    if (heap.countdown == 0 || --heap.countdown > 0)
        return false;
    heap.fired = true;
    return true;
}

void *__wrap_malloc(size_t n)
{
    void *p = fails() ? NULL : __real_malloc(n);
    heap.live += p != NULL;
    return p;
}

void *__wrap_calloc(size_t count, size_t n)
{
    void *p = __wrap_malloc(count * n);
    return p ? memset(p, 0, count * n) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    if (!p)
        return __wrap_malloc(n);
    return fails() ? NULL : __real_realloc(p, n);
}

void __wrap_free(void *p)
{
    heap.live -= p != NULL;
    __real_free(p);
}

char *__wrap_strndup(const char *s, size_t n)
{
    n = strnlen(s, n);
    char *p = __wrap_malloc(n + 1);
    if (!p)
        return NULL;
    p[n] = '\0';
    return memcpy(p, s, n);
}

char *__wrap_strdup(const char *s)
{
    return __wrap_strndup(s, strlen(s));
}
