/* SPDX-License-Identifier: MIT
 * Memory for a program that may die without it. */
#pragma once

#include <stddef.h>

/* Never NULL: prints a line and ends the program. */
void *mem_alloc(size_t bytes);
void *mem_resize(void *p, size_t bytes);
/* The first n bytes of `p` as a string. */
char *mem_dup(const char *p, size_t n);
