/* SPDX-License-Identifier: MIT
 * What a program may say to us in the words of PM2, where somebody is to be told when it makes a
 * mistake: on the instance socket. (What comes on Node's channel is taken as PM2 takes it.) Pure.
 *
 * "ready", or an object {"type", "data"}. A type of its own makes an event of that name. Names that
 * begin like those of PM2 (axm:, process:, pm2:, log:) must be known ones. */
#pragma once

#include <jansson.h>

#include "base/err.h"

/* What the connection itself is about: whose process it speaks for. */
#define APP_MESSAGE_PROCESS "pm2:process"

/* 0, or -EINVAL with `e`: what is wrong, and what was expected. */
int app_message_check(const json_t *value, struct err *e);
