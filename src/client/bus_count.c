/* SPDX-License-Identifier: MIT
 * Gaps between subscriptions. */
#include "client/bus_count.h"

#include <errno.h>

#include "json/read.h"
#include "json/write.h"

#define NUMBERS_TOPIC "pm2:numbers"
#define GAP_TOPIC     "pm2:gap"

#define UNKNOWN_COUNTING (-1)

void bus_count_begin(struct bus_count *c)
{
    if (c->begun && c->since == 0)
        c->since = UNKNOWN_COUNTING;
    c->begun = true;
}

static void write_gap(struct buf *payload, int64_t missed, int64_t now_ms)
{
    struct jw w = jw_to(payload);
    jw_obj_begin(&w);
    if (missed > 0)
        jw_kint(&w, "missed", missed);
    jw_kint(&w, "at", now_ms);
    jw_obj_end(&w);
}

/* 1 when events are missing since the last subscription: the gap is in `payload`. */
static int compare(struct bus_count *c, const json_t *numbers, int64_t now_ms, struct buf *payload)
{
    int64_t since = 0;
    int64_t last = 0;
    struct bus_count before = *c;
    (void)json_get_int(numbers, "since", &since);
    (void)json_get_int(numbers, "last", &last);
    c->since = since;
    c->last = last > 0 ? (uint64_t)last : 0;
    if (before.since == 0 || (before.since == since && before.last >= c->last))
        return 0;
    /* of another counting nobody knows how many there were */
    write_gap(payload, before.since == since ? (int64_t)(c->last - before.last) : 0, now_ms);
    return 1;
}

int bus_count_take(struct bus_count *c, const struct pub_event *event, int64_t now_ms,
                   struct buf *topic, struct buf *payload)
{
    int rc = 1;
    buf_clear(topic);
    buf_clear(payload);
    if (str_eq(event->topic, STR(NUMBERS_TOPIC))) {
        AUTO_JSON numbers = json_read(event->payload, NULL);
        rc = compare(c, numbers, now_ms, payload);
        buf_add_str(topic, STR(GAP_TOPIC));
    } else {
        if (event->number > 0)
            c->last = event->number;
        buf_add_str(topic, event->topic);
        buf_add_str(payload, event->payload);
    }
    return buf_oom(topic) || buf_oom(payload) ? -ENOMEM : rc;
}
