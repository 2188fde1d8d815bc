/* SPDX-License-Identifier: MIT
 * The health probe of a successor: asked over connections that go to it and nobody else, while the
 * old one still has the port. Only where pm2d hands connections over, and only `health.http`. */
#pragma once

#include <stdbool.h>

struct proc;
struct reload_probe;

/* Whether a successor with this configuration can be asked. */
bool reload_probe_is_for(const struct proc *other);
/* It listens now. Asked again and again until it succeeds; `done` is called once then, never before
 * this returns. NULL on OOM. */
struct reload_probe *reload_probe_start(struct proc *other, void (*done)(void *ctx), void *ctx);
/* NULL is fine. */
void reload_probe_cancel(struct reload_probe *rp);
/* Why it has not succeeded; borrowed. */
const char *reload_probe_error(const struct reload_probe *rp);
