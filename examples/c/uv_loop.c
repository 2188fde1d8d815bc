/* SPDX-License-Identifier: MIT
 * libpm2 in a libuv loop: start an application, list, delete it. Callback face.
 *
 *   cc uv_loop.c $(pkg-config --cflags --libs libpm2 libuv) -o uv_loop */
#include <pm2/pm2.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#define FDS_MAX 4 /* the library has no more */

struct watch {
    uv_poll_t poll;
    struct app *app;
    int fd, events;
};

struct app {
    uv_loop_t loop;
    uv_timer_t timer;
    struct watch *watches[FDS_MAX]; /* NULL = free */
    struct pm2 *pm2;
    int exit_code;
};

/* ---- hooks ---- */

static void on_poll(uv_poll_t *h, int status, int events)
{
    const struct watch *w = h->data;
    struct pm2 *p = w->app->pm2;
    int fd = w->fd; /* `w` may be closed by the first of the two */
    if (status == 0 && (events & UV_WRITABLE))
        pm2_handle_write(p, fd);
    if (status < 0 || (events & UV_READABLE))
        pm2_handle_read(p, fd);
}

static void on_watch_closed(uv_handle_t *h)
{
    free(h->data);
}

static struct watch **find(struct app *a, int fd)
{
    for (int i = 0; i < FDS_MAX; i++)
        if (a->watches[i] && a->watches[i]->fd == fd)
            return &a->watches[i];
    return NULL;
}

static struct watch *new_watch(struct app *a, int fd)
{
    int i = 0;
    struct watch *w = calloc(1, sizeof(*w));
    while (i < FDS_MAX && a->watches[i])
        i++;
    if (!w || i == FDS_MAX)
        abort();
    *w = (struct watch){.app = a, .fd = fd};
    uv_poll_init(&a->loop, &w->poll, fd);
    w->poll.data = w;
    a->watches[i] = w;
    return w;
}

static void watch(struct app *a, int fd, int events)
{
    struct watch **slot = find(a, fd);
    struct watch *w = slot ? *slot : new_watch(a, fd);
    w->events = events;
    if (events != 0) {
        uv_poll_start(&w->poll, events, on_poll);
        return;
    }
    *slot = NULL;
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static int events_of(struct app *a, int fd)
{
    struct watch **slot = find(a, fd);
    return slot ? (*slot)->events : 0;
}

static void add_read(void *data, int fd)
{
    watch(data, fd, events_of(data, fd) | UV_READABLE);
}

static void del_read(void *data, int fd)
{
    watch(data, fd, events_of(data, fd) & ~UV_READABLE);
}

static void add_write(void *data, int fd)
{
    watch(data, fd, events_of(data, fd) | UV_WRITABLE);
}

static void del_write(void *data, int fd)
{
    watch(data, fd, events_of(data, fd) & ~UV_WRITABLE);
}

static void on_timer(uv_timer_t *h)
{
    pm2_handle_timeout(((struct app *)h->data)->pm2);
}

static void add_timer(void *data, int timeout_ms)
{
    struct app *a = data;
    uv_timer_start(&a->timer, on_timer, (uint64_t)timeout_ms, 0);
}

static void del_timer(void *data)
{
    uv_timer_stop(&((struct app *)data)->timer);
}

/* ---- what it does ---- */

static int failed(struct pm2 *p, int code, const char *what, struct app *a)
{
    if (code == 0)
        return 0;
    fprintf(stderr, "%s: %s\n", what, pm2_error_text(p));
    a->exit_code = 2;
    pm2_disconnect(p);
    return 1;
}

static void on_deleted(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    if (failed(p, code, "delete", data))
        return;
    printf("deleted %s\n", pm2_proc_name(pm2_list_at(list, 0)));
    pm2_disconnect(p); /* the loop has nothing to do then, and ends */
}

static void on_listed(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    if (failed(p, code, "list", data))
        return;
    const struct pm2_proc *proc = pm2_list_find_name(list, "api");
    if (proc)
        printf("%s is %s\n", pm2_proc_name(proc), pm2_proc_status_text(proc));
    failed(p, pm2_async_delete(p, "api", on_deleted, data), "delete", data);
}

static void on_started(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    (void)list;
    if (!failed(p, code, "start", data))
        failed(p, pm2_async_list(p, on_listed, data), "list", data);
}

static void on_closed(struct pm2 *p, int code, void *data)
{
    failed(p, code, "connection", data);
}

static void on_connected(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    (void)list;
    if (failed(p, code, "connect", data))
        return;
    struct pm2_app *api = pm2_app_new("api.js");
    if (api)
        pm2_app_set_name(api, "api");
    failed(p, pm2_async_start(p, api, on_started, data), "start", data);
    pm2_app_free(api);
}

static int run(struct app *a)
{
    const struct pm2_hooks hooks = {a,         add_read,  del_read,  add_write,
                                    del_write, add_timer, del_timer, on_closed};
    if (pm2_async_connect(a->pm2, &hooks, on_connected, a) < 0) {
        fprintf(stderr, "%s\n", pm2_error_text(a->pm2));
        return 2;
    }
    uv_run(&a->loop, UV_RUN_DEFAULT);
    return a->exit_code;
}

int main(void)
{
    struct app a = {.pm2 = pm2_new()};
    if (!a.pm2)
        return 2;
    uv_loop_init(&a.loop);
    uv_timer_init(&a.loop, &a.timer);
    a.timer.data = &a;
    int rc = run(&a);
    pm2_free(a.pm2);
    uv_close((uv_handle_t *)&a.timer, NULL);
    uv_run(&a.loop, UV_RUN_DEFAULT);
    uv_loop_close(&a.loop);
    return rc;
}
