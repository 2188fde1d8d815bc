/* SPDX-License-Identifier: MIT
 * libpm2 in a loop of plain poll(2): the same as quick_start.c, and it shows what the application
 * writes until the first line has come. Callback face.
 *
 *   cc poll_loop.c $(pkg-config --cflags --libs libpm2) -o poll_loop */
#include <errno.h>
#include <pm2/pm2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FDS_MAX 4 /* the library has no more */

struct loop {
    struct pollfd fds[FDS_MAX]; /* fd -1 = free */
    long long timer_at_ms;      /* -1 = none */
    int exit_code;
    int is_done;
};

/* ---- the loop ---- */

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void watch(struct loop *l, int fd, short add, short del)
{
    struct pollfd *slot = NULL;
    for (int i = 0; i < FDS_MAX; i++)
        if (l->fds[i].fd == fd || (!slot && l->fds[i].fd < 0))
            slot = &l->fds[i];
    if (slot->fd != fd)
        *slot = (struct pollfd){.fd = fd};
    slot->events = (short)((slot->events | add) & ~del);
    if (slot->events == 0)
        slot->fd = -1;
}

static void add_read(void *data, int fd)
{
    watch(data, fd, POLLIN, 0);
}

static void del_read(void *data, int fd)
{
    watch(data, fd, 0, POLLIN);
}

static void add_write(void *data, int fd)
{
    watch(data, fd, POLLOUT, 0);
}

static void del_write(void *data, int fd)
{
    watch(data, fd, 0, POLLOUT);
}

static void add_timer(void *data, int timeout_ms)
{
    ((struct loop *)data)->timer_at_ms = now_ms() + timeout_ms;
}

static void del_timer(void *data)
{
    ((struct loop *)data)->timer_at_ms = -1;
}

static int wait_ms(const struct loop *l)
{
    long long left = l->timer_at_ms < 0 ? -1 : l->timer_at_ms - now_ms();
    return l->timer_at_ms >= 0 && left < 0 ? 0 : (int)left;
}

static int run(struct loop *l, struct pm2 *p)
{
    while (!l->is_done) {
        struct pollfd ready[FDS_MAX]; /* a copy: what is handled changes the table */
        if (poll(l->fds, FDS_MAX, wait_ms(l)) < 0 && errno != EINTR)
            return 2;
        memcpy(ready, l->fds, sizeof(ready));
        for (int i = 0; i < FDS_MAX && !l->is_done; i++) {
            if (ready[i].revents & POLLOUT)
                pm2_handle_write(p, ready[i].fd);
            if (ready[i].revents & (POLLIN | POLLHUP | POLLERR))
                pm2_handle_read(p, ready[i].fd);
        }
        if (l->timer_at_ms >= 0 && now_ms() >= l->timer_at_ms) {
            l->timer_at_ms = -1;
            pm2_handle_timeout(p);
        }
    }
    return l->exit_code;
}

/* ---- what it does ---- */

static void end(struct loop *l, int exit_code)
{
    l->exit_code = exit_code;
    l->is_done = 1;
}

static int failed(struct pm2 *p, int code, const char *what, struct loop *l)
{
    if (code == 0)
        return 0;
    fprintf(stderr, "%s: %s\n", what, pm2_error_text(p));
    end(l, 2);
    return 1;
}

static void on_event(struct pm2 *p, const char *topic, const char *json, void *data)
{
    (void)p;
    if (!topic) {
        fprintf(stderr, "the bus is gone\n");
        end(data, 2);
    } else if (strcmp(topic, "log:out") == 0) {
        printf("%s %s\n", topic, json);
        end(data, 0);
    }
}

static void on_restarted(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    if (!failed(p, code, "restart", data))
        printf("restarted %zu\n", pm2_list_count(list));
}

static void on_listed(struct pm2 *p, int code, struct pm2_list *list, void *data)
{
    if (failed(p, code, "list", data))
        return;
    for (size_t i = 0; i < pm2_list_count(list); i++) {
        const struct pm2_proc *proc = pm2_list_at(list, i);
        printf("%d %s %s\n", pm2_proc_id(proc), pm2_proc_name(proc), pm2_proc_status_text(proc));
    }
    failed(p, pm2_async_restart(p, "api", on_restarted, data), "restart", data);
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
    struct pm2_app *app = pm2_app_new("api.js");
    if (app)
        pm2_app_set_name(app, "api");
    if (!failed(p, pm2_async_subscribe(p, on_event, data), "subscribe", data))
        failed(p, pm2_async_start(p, app, on_started, data), "start", data);
    pm2_app_free(app);
}

int main(void)
{
    struct loop loop = {.timer_at_ms = -1};
    const struct pm2_hooks hooks = {&loop,     add_read,  del_read,  add_write,
                                    del_write, add_timer, del_timer, on_closed};
    struct pm2 *p = pm2_new();
    int rc = 2;
    for (int i = 0; i < FDS_MAX; i++)
        loop.fds[i].fd = -1;
    if (!p)
        fprintf(stderr, "out of memory\n");
    else if (pm2_async_connect(p, &hooks, on_connected, &loop) < 0)
        fprintf(stderr, "%s\n", pm2_error_text(p));
    else
        rc = run(&loop, p);
    pm2_free(p);
    return rc;
}
