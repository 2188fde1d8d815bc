/* SPDX-License-Identifier: MIT
 * What became of a process file, for the client. Runs in pm2d. */
#include <string.h>

#include "file_job.h"
#include "json/read.h"

/* `more`: texts that belong to no line of the file; may be NULL. */
static void write_notes(struct jw *w, const char *key, const struct app_set_notes *notes,
                        const json_t *more)
{
    size_t k;
    json_t *text;
    jw_key(w, key);
    jw_arr_begin(w);
    for (size_t i = 0; i < notes->count; i++) {
        jw_obj_begin(w);
        jw_kstr(w, "path", notes->items[i].path);
        jw_kstr(w, "text", notes->items[i].text);
        if (notes->items[i].line > 0)
            jw_kint(w, "line", notes->items[i].line);
        jw_obj_end(w);
    }
    json_array_foreach ((json_t *)more, k, text) {
        jw_obj_begin(w);
        jw_kstr(w, "path", "");
        jw_kstr(w, "text", json_string_value(text));
        jw_obj_end(w);
    }
    jw_arr_end(w);
}

static void write_unit(struct jw *w, const struct file_unit *u)
{
    static const char *const steps[] = {
        [STEP_START] = "start", [STEP_RESTART] = "restart", [STEP_KEEP] = "keep"};
    jw_obj_begin(w);
    jw_kstr(w, "name", u->name);
    jw_kstr(w, "namespace", u->ns);
    jw_kstr(w, "step", steps[u->step]);
    jw_kint(w, "instances", u->asked);
    jw_key(w, "ids");
    jw_arr_begin(w);
    for (int i = 0; i < u->count; i++)
        jw_int(w, u->ids[i]);
    jw_arr_end(w);
    if (u->changes)
        jw_kdom(w, "changes", u->changes);
    if (u->scheduled)
        jw_kdom(w, "cron_restart", json_object_get(u->conf, "cron_restart"));
    if (json_get_bool(u->conf, "wait_ready", false))
        jw_kbool(w, "wait_ready", true);
    if (u->note)
        jw_kstr(w, "note", u->note);
    if (u->error)
        jw_kstr(w, "error", u->error);
    if (u->error && u->failed_id >= 0)
        jw_kint(w, "failed", u->failed_id);
    jw_obj_end(w);
}

void file_reply_write(struct jw *w, const struct file_job *job)
{
    jw_obj_begin(w);
    write_notes(w, "errors", &job->set.errors, NULL);
    write_notes(w, "warnings", &job->set.warnings, job->places);
    jw_key(w, "apps");
    jw_arr_begin(w);
    for (size_t i = 0; i < job->count; i++)
        write_unit(w, &job->units[i]);
    jw_arr_end(w);
    jw_key(w, "removed");
    jw_arr_begin(w);
    for (size_t i = 0; i < job->gone_count; i++) {
        jw_obj_begin(w);
        jw_kint(w, "id", job->gone_ids[i]);
        jw_kstr(w, "name", job->gone_names[i]);
        jw_obj_end(w);
    }
    jw_arr_end(w);
    jw_obj_end(w);
}
