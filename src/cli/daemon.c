/* SPDX-License-Identifier: MIT
 * The CLI's side of the connection: launch notices, the greeting, errors in PM2's words. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/foreground.h"
#include "cli/modules.h"
#include "os/users.h"
#include "json/read.h"

#define HELLO_MS      10000
#define HELLO_TRIES   5 /* a daemon that is just ending closes the connection */
#define HELLO_WAIT_MS 50

/* Exits have no more to say than this: PM2's codes are 0 and 1. */
#define EXIT_REFUSED 1

static bool socket_is_roots(const struct cli *cli)
{
    struct stat st;
    return lstat(cli->paths.rpc_sock, &st) == 0 && st.st_uid == 0 && geteuid() != 0;
}

static void advise_chown(struct cli *cli)
{
    AUTO(buf) text = BUF_INIT;
    struct user_ids me = {0};
    const char *user = getenv("USER");
    if (!user || !*user)
        user = cli_me(&me) ? me.name : "$USER";
    buf_printf(&text, "$ sudo chown %s:%s %s %s", user, user, cli->paths.rpc_sock,
               cli->paths.pub_sock);
    ui_line(&cli->ui, UI_OUT, buf_str(&text));
    user_ids_fini(&me);
}

int cli_fail(struct cli *cli, const struct err *e)
{
    ui_error(&cli->ui, "%s", e->msg);
    return EXIT_REFUSED;
}

int cli_not_available(struct cli *cli, const char *what)
{
    ui_error(&cli->ui, "%s is not available yet", what);
    return EXIT_REFUSED;
}

static void tell_launch(struct cli *cli)
{
    const char *discrete = getenv("PM2_DISCRETE_MODE");
    if (discrete && *discrete)
        return;
    /* On stderr, unlike PM2: standard output may be JSON that somebody parses. */
    ui_message(&cli->ui, UI_ERR, UI_PM2, "Spawning PM2 daemon with pm2_home=%s", cli->paths.home);
    ui_message(&cli->ui, UI_ERR, UI_PM2, "PM2 Successfully daemonized");
}

static int connect_once(struct cli *cli, int flags, struct err *e)
{
    const struct client_options o = {
        .home = cli->paths.home,
        .rpc_path = cli->paths.rpc_sock,
        .pub_path = cli->paths.pub_sock,
        .log_dir = cli->paths.log_dir,
        .pid_dir = cli->paths.pid_dir,
        .module_dir = cli->paths.module_dir,
        .module_conf = cli->paths.module_conf,
        .pid_file = cli->paths.pid_file,
        .log_file = cli->paths.log_file,
        .flags = flags & CLI_LAUNCH ? CLIENT_LAUNCH : 0,
    };
    client_free(cli->client);
    cli->client = NULL;
    int rc = client_connect(&o, &cli->client, e);
    if (rc == 0 && client_launched(cli->client))
        tell_launch(cli);
    return rc;
}

static int greet(struct cli *cli, struct err *e)
{
    struct str reply = {NULL, 0};
    int rc = cli_call(cli, "c.hello", STR(""), HELLO_MS, &reply, e);
    if (rc == -EREMOTEIO && strstr(e->msg, "does not exist"))
        return err_set(
            e, rc,
            "a Node PM2 daemon is running in %s: stop it with its own `pm2 kill` first, or "
            "replace it: pm2 takeover",
            cli->paths.home);
    if (rc < 0)
        return rc;
    AUTO_JSON hello = json_read(reply, e);
    const char *version = json_get_str(hello, "pm2c");
    if (version && strcmp(version, PM2C_VERSION) != 0)
        ui_warn(&cli->ui,
                "the daemon is version %s and this program %s: pm2 update replaces it while "
                "apps run",
                version, PM2C_VERSION);
    return 0;
}

int cli_connect(struct cli *cli, int flags)
{
    struct err e = {0};
    int rc = -EPIPE;
    if (cli->client)
        return 0;
    for (int i = 0; i < HELLO_TRIES && rc == -EPIPE; i++) {
        if (i > 0)
            nanosleep(&(struct timespec){.tv_nsec = HELLO_WAIT_MS * 1000000L}, NULL);
        rc = connect_once(cli, flags, &e);
        if (rc == -ENOENT && !(flags & CLI_LAUNCH))
            return rc;
        if (rc == 0)
            rc = greet(cli, &e);
    }
    if (rc == 0)
        rc = foreground_begin(cli, &e);
    if (rc == 0) {
        if (client_launched(cli->client))
            modules_start_all(cli);
        return 0;
    }
    cli_fail(cli, &e);
    client_free(cli->client);
    cli->client = NULL;
    if (rc == -EACCES && socket_is_roots(cli))
        advise_chown(cli);
    return rc;
}

int cli_connect_again(struct cli *cli, struct err *e)
{
    struct client *old = cli->client;
    cli->client = NULL;
    int rc = connect_once(cli, 0, e);
    if (rc == 0)
        rc = greet(cli, e);
    if (rc == 0) {
        client_free(old);
        return 0;
    }
    client_free(cli->client);
    cli->client = old;
    return rc;
}

int cli_call(struct cli *cli, const char *method, struct str arg, int timeout_ms, struct str *ret,
             struct err *e)
{
    AUTO(buf) args = BUF_INIT;
    buf_add_byte(&args, '[');
    buf_add_str(&args, arg.n > 0 ? arg : STR("{}"));
    buf_add_byte(&args, ']');
    if (buf_oom(&args))
        return err_set(e, -ENOMEM, "out of memory");
    return client_call(cli->client, method, buf_str(&args), timeout_ms, ret, e);
}

int cli_hello(struct cli *cli, struct cli_daemon *ret, struct err *e)
{
    struct str reply = {NULL, 0};
    int rc = cli_call(cli, "c.hello", STR(""), CLI_ANSWER_MS, &reply, e);
    if (rc < 0)
        return rc;
    AUTO_JSON hello = json_read(reply, e);
    if (!hello)
        return e->code;
    const char *version = json_get_str(hello, "pm2c");
    ret->pid = (int)json_integer_value(json_object_get(hello, "pid"));
    ret->keeper = (int)json_integer_value(json_object_get(hello, "keeper"));
    snprintf(ret->version, sizeof(ret->version), "%s", version ? version : "?");
    return 0;
}

json_t *cli_ask(struct cli *cli, const char *method, struct str arg, int timeout_ms)
{
    struct err e = {0};
    struct str reply = {NULL, 0};
    json_t *value = NULL;
    if (cli_call(cli, method, arg, timeout_ms, &reply, &e) == 0)
        value = json_read(reply, &e);
    if (!value)
        cli_fail(cli, &e);
    return value;
}
