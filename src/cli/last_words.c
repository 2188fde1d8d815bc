/* SPDX-License-Identifier: MIT
 * Last lines of logs, for errors. */
#include "cli/last_words.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/tail.h"
#include "os/fd.h"
#include "json/read.h"
#include "json/write.h"

#define LINES 20

static void tell_line(void *ctx, struct str line)
{
    struct cli *cli = ctx;
    ui_line(&cli->ui, UI_ERR, line);
}

/* False when there is nothing to be shown. */
static bool tell_file(struct cli *cli, const char *path)
{
    struct stat st;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    bool has_some = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
    const struct tail t = {.count = LINES, .line = tell_line, .ctx = cli};
    if (has_some) {
        ui_message(&cli->ui, UI_ERR, UI_PM2, "Last lines of %s:", path);
        (void)tail_lines(fd, st.st_size, &t);
    }
    fd_close(&fd);
    return has_some;
}

void last_words_tell(struct cli *cli, const json_t *id)
{
    AUTO(buf) request = BUF_INIT;
    struct err e = {0};
    struct str reply;
    char text[24];
    struct jw w = jw_to(&request);
    snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(id));
    jw_obj_begin(&w);
    jw_kstr(&w, "target", text);
    jw_obj_end(&w);
    if (cli_call(cli, "c.logs", buf_str(&request), 0, &reply, &e) < 0)
        return;
    AUTO_JSON list = json_read(reply, NULL);
    const json_t *logs = json_array_get(list, 0);
    if (!tell_file(cli, json_get_str(logs, "err_log")))
        (void)tell_file(cli, json_get_str(logs, "out_log"));
}
