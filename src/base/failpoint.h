/* SPDX-License-Identifier: MIT
 * Failpoints: named steps at which a test build ends itself as if somebody had sent it SIGKILL.
 *
 *   FAILPOINT("journal.after");
 *
 * The environment names one step: PM2_FAILPOINT=NAME, or NAME:N to let N - 1 passings go by first.
 * It works once: the file failpoint.done is made in PM2_HOME first, and while that is there nothing
 * happens, so that the program that follows the killed one goes on. (A test that has not come to
 * its point yet makes the file itself, and removes it.) Without PM2_FAILPOINTS, which only the dev
 * and asan presets define, the macro is nothing at all. */
#pragma once

#ifdef PM2_FAILPOINTS
#define FAILPOINT(name) failpoint_pass(name)
#else
#define FAILPOINT(name) ((void)0)
#endif

/* Does not return when `name` is the step that was asked for. Not for signal handlers. */
void failpoint_pass(const char *name);
