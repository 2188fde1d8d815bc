/* SPDX-License-Identifier: MIT
 * Start an application, list what runs, restart it. Blocking face of libpm2.
 *
 *   cc quick_start.c $(pkg-config --cflags --libs libpm2) -o quick_start */
#include <pm2/pm2.h>
#include <stdio.h>

static int fail(struct pm2 *p, const char *what)
{
    fprintf(stderr, "%s: %s\n", what, pm2_error_text(p));
    pm2_free(p);
    return 2;
}

static void print_list(const struct pm2_list *list)
{
    for (size_t i = 0; i < pm2_list_count(list); i++) {
        const struct pm2_proc *proc = pm2_list_at(list, i);
        printf("%d %s %s pid %d restarts %d memory %lld\n", pm2_proc_id(proc), pm2_proc_name(proc),
               pm2_proc_status_text(proc), pm2_proc_pid(proc), pm2_proc_restarts(proc),
               (long long)pm2_proc_memory_bytes(proc));
    }
}

static int start(struct pm2 *p)
{
    struct pm2_app *app = pm2_app_new("api.js");
    if (!app)
        return -1;
    pm2_app_set_name(app, "api");
    int rc = pm2_start(p, app, NULL);
    pm2_app_free(app);
    return rc;
}

int main(void)
{
    struct pm2_list *list;
    struct pm2 *p = pm2_new();
    if (!p)
        return 2;
    if (pm2_connect(p) < 0)
        return fail(p, "connect");
    if (start(p) < 0)
        return fail(p, "start");
    if (pm2_list(p, &list) < 0)
        return fail(p, "list");
    print_list(list);
    pm2_list_free(list);
    if (pm2_restart(p, "api", &list) < 0)
        return fail(p, "restart");
    print_list(list);
    pm2_list_free(list);
    pm2_free(p);
    return 0;
}
