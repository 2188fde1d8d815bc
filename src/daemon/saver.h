/* SPDX-License-Identifier: MIT
 * c.save, c.cleardump: the list of processes is put on the disk (dump_file.h), by libuv's pool, one
 * save at a time; those asked for meanwhile wait, and become one. */
#pragma once

struct methods;
struct saver;

struct saver *saver_new(struct methods *m);
void saver_free(struct saver *s); /* after the loop has ended; NULL is fine */

/* The daemon is told to end by a signal: save what runs now, as PM2 does. Nothing when a save is
 * under way, or there is nothing to save. */
void saver_save_last(struct saver *s);
