/* SPDX-License-Identifier: MIT
 * One name of a path against one name of a pattern, after braces are gone. Of glob.c only. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Whether it holds more than plain and escaped characters. */
bool glob_name_is_wild(struct str pattern);
bool glob_name_match(struct str pattern, struct str name);
