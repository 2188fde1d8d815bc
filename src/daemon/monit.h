/* SPDX-License-Identifier: MIT
 * CPU and memory of processes, sampled when somebody asks. */
#pragma once

#include "proc.h"

/* Refresh p->monit: rss of the root process, CPU in percent of one core since the previous sample
 * by anybody (0 at the first). 0/0 unless online. Samples at most every 10 ms. */
void monit_sample(struct proc *p);
