/* SPDX-License-Identifier: MIT
 * Allocation of the CLI. */
#include "cli/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *mem_resize(void *p, size_t bytes)
{
    void *ret = realloc(p, bytes ? bytes : 1);
    if (!ret) {
        fputs("pm2: out of memory\n", stderr);
        exit(1);
    }
    return ret;
}

void *mem_alloc(size_t bytes)
{
    return mem_resize(NULL, bytes);
}

char *mem_dup(const char *p, size_t n)
{
    char *ret = mem_alloc(n + 1);
    memcpy(ret, p, n);
    ret[n] = '\0';
    return ret;
}
