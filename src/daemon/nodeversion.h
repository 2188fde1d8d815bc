/* SPDX-License-Identifier: MIT
 * Which Node runs an app, without running Node: the headers that its distribution installs beside
 * the binary say so. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Version ("20.20.2") of the node binary that `pid` executes; "" when it is no node, or its headers
 * are not there. The last answer is kept: apps mostly share one node. */
void nodeversion_find(pid_t pid, char *ret, size_t size);
