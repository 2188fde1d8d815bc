/* SPDX-License-Identifier: MIT
 * From events to lines on the screen. */
#include "cli/follow.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/attr.h"
#include "cli/cli.h"
#include "os/fd.h"
#include "json/read.h"

#define RETRY_MIN_MS 100 /* PM2's clients: 100 ms, half as much more each time, up to 5 s */
#define RETRY_MAX_MS 5000
#define SIGNAL_CODE  128 /* of a shell for what a signal ended */

void follow_init(struct follow *f, struct cli *cli)
{
    *f = (struct follow){.cli = cli, .show = log_show_to(&cli->ui), .signal_fd = -1};
    f->names = json_object();
    lines_init(&f->open);
}

void follow_fini(struct follow *f)
{
    lines_fini(&f->open);
    json_decref(f->names);
    fd_close(&f->signal_fd);
}

static void show_line(struct follow *f, int64_t id, const char *name, enum log_kind kind,
                      struct str line)
{
    const struct log_origin from = {id, name, kind, 0};
    log_show_line(&f->show, &from, line);
}

/* ---- lines out of events ---- */

static const char *name_key(int64_t id, char key[static 24])
{
    snprintf(key, 24, "%lld", (long long)id);
    return key;
}

static void on_line(void *ctx, const struct line_stream *from, struct str line)
{
    struct follow *f = ctx;
    char key[24];
    if (line.n == 0)
        return; /* PM2 drops empty lines here */
    const char *name = json_get_str(f->names, name_key(from->id, key));
    show_line(f, from->id, name ? name : "", (enum log_kind)from->stream, line);
}

static void take_event(struct follow *f, enum log_kind kind, struct str payload)
{
    struct err ignored;
    char key[24];
    AUTO_JSON event = json_read(payload, &ignored);
    const json_t *proc = json_object_get(event, "process");
    const json_t *data = json_object_get(event, "data");
    int64_t id = LOG_PM2_ID;
    if (!json_is_string(data) || !f->kind[kind])
        return;
    if (kind != LOG_PM2 &&
        (!json_get_int(proc, "pm_id", &id) || (f->is_meant && !f->is_meant(f->ctx, proc, id))))
        return;
    const char *name = json_get_str(proc, "name");
    json_object_set_new(f->names, name_key(id, key), json_string(name ? name : ""));
    struct str text = {json_string_value(data), json_string_length(data)};
    lines_feed(&f->open, id, (int)kind, text, on_line, f);
    if (kind == LOG_PM2)
        lines_flush(&f->open, on_line, f); /* always whole lines */
}

static const struct {
    const char *topic;
    enum log_kind kind;
} topics[] = {{"log:out", LOG_OUT}, {"log:err", LOG_ERR}, {"log:PM2", LOG_PM2}};

/* False when the daemon was ended by order, and that matters here. */
static bool take(struct follow *f, struct str topic, struct str payload)
{
    for (size_t i = 0; i < ARRAY_LEN(topics); i++)
        if (str_eq_c(topic, topics[i].topic))
            take_event(f, topics[i].kind, payload);
    if (!f->until_kill || !str_eq_c(topic, "pm2:kill"))
        return true;
    lines_flush(&f->open, on_line, f);
    show_line(f, LOG_PM2_ID, "", LOG_PM2, STR("[[[ Target PM2 killed. ]]]"));
    return false;
}

/* ---- the loop, and signals ---- */

static void signals_of_end(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGTERM);
}

int follow_signals(void)
{
    sigset_t set;
    signals_of_end(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void follow_catch(struct follow *f)
{
    f->signal_fd = follow_signals();
}

static bool signal_came(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) > 0;
}

/* The daemon is gone: wait for another, as PM2's clients do. False when a signal came. */
static bool subscribe_again(struct follow *f)
{
    struct err e = {0};
    int wait_ms = RETRY_MIN_MS;
    ui_warn(&f->cli->ui, "the connection to the daemon is lost, waiting for it to come back");
    while (!signal_came(f->signal_fd, wait_ms)) {
        if (client_subscribe(f->cli->client, &e) == 0 && (!f->on_again || f->on_again(f->ctx)))
            return true;
        wait_ms = wait_ms * 3 / 2 < RETRY_MAX_MS ? wait_ms * 3 / 2 : RETRY_MAX_MS;
    }
    return false;
}

static int follow_events(struct follow *f)
{
    struct err e = {0};
    struct pub_event event;
    for (;;) {
        int rc = client_event(f->cli->client, 0, f->signal_fd, &event, &e);
        if (rc == 0) {
            if (ui_flush() < 0)
                return 1;
            rc = client_event(f->cli->client, -1, f->signal_fd, &event, &e);
        }
        if (rc == 0 || (rc < 0 && !subscribe_again(f)) ||
            (rc > 0 && !take(f, event.topic, event.payload)))
            return 0;
    }
}

int follow_run(struct follow *f)
{
    int code = follow_events(f);
    lines_flush(&f->open, on_line, f); /* lines that never got their newline */
    return code;
}

int follow_release(int signal_fd)
{
    struct signalfd_siginfo info = {0};
    sigset_t set;
    if (signal_fd < 0 || read(signal_fd, &info, sizeof(info)) != sizeof(info))
        info.ssi_signo = 0;
    signals_of_end(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return (int)info.ssi_signo;
}

int follow_die(int signo, int code)
{
    if (signo == 0)
        return code;
    ui_flush();
    (void)signal(signo, SIG_DFL);
    raise(signo);
    return SIGNAL_CODE + signo;
}
