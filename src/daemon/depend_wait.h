/* SPDX-License-Identifier: MIT
 * Whether an app is as far as another one wants it. */
#pragma once

#include "app/depends.h"
#include "table.h"

enum depend_answer {
    DEPEND_NOW,   /* the condition holds */
    DEPEND_LATER, /* not yet */
    DEPEND_NEVER, /* it cannot come true without an order from outside */
};

/* Look at the processes of the app `d->name` as one of the namespace `ns` means it. */
enum depend_answer depend_look(const struct table *t, const char *ns, const struct depend *d);
