/* SPDX-License-Identifier: MIT
 * Compiler attributes under short names, and the small macros that every floor uses. */
#pragma once

#include <stddef.h>

#define ATTR_FORMAT(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTR_NONNULL           __attribute__((nonnull))
#define ATTR_WARN_UNUSED       __attribute__((warn_unused_result))
#define ATTR_NORETURN          __attribute__((noreturn))
#define ATTR_UNUSED            __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The object that embeds `ptr` as its member `member`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* AUTO(buf) b = BUF_INIT;  runs buf_fini(&b) when the scope is left (see each header for the types
 * that have one: `static inline void x_auto(struct x *)`). */
#define AUTO(type) __attribute__((cleanup(type##_auto))) struct type
