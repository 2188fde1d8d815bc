/* SPDX-License-Identifier: MIT
 * pm2 module:generate: the folder of a module that works, to begin with. Nothing is fetched. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "cli/module_word.h"
#include "cli/modules.h"
#include "os/atomic_file.h"
#include "json/write.h"

static const char program[] =
    "'use strict'\n"
    "// Settings: `pm2 set NAME:KEY VALUE` changes one and restarts this with it.\n"
    "const { name } = require('./package.json')\n"
    "const config = JSON.parse(process.env[name] || '{}')\n"
    "const interval = Number(config.interval) || 1000\n"
    "\n"
    "let turns = 0\n"
    "setInterval(() => {\n"
    "  turns++\n"
    "  // Shown by `pm2 describe NAME`.\n"
    "  if (process.connected) {\n"
    "    process.send({ type: 'axm:monitor', data: { Turns: { value: turns, historic: true } } })\n"
    "  }\n"
    "}, interval)\n"
    "\n"
    "// Run by `pm2 trigger NAME hello`.\n"
    "if (process.connected) {\n"
    "  const action = { action_name: 'hello', action_type: 'custom' }\n"
    "  process.send({ type: 'axm:action', data: action })\n"
    "}\n"
    "process.on('message', message => {\n"
    "  const action = typeof message === 'string' ? message : message && message.msg\n"
    "  if (action === 'hello') {\n"
    "    process.send({ type: 'axm:reply', data: { action_name: action, return: { turns } } })\n"
    "  }\n"
    "})\n"
    "\n"
    "console.log(`${name} looks every ${interval} ms`)\n";

static void add_package(struct buf *out, const char *name)
{
    buf_add_c(out, "{\n  \"name\": ");
    json_quote(out, str_from(name));
    buf_add_c(out, ",\n  \"version\": \"0.1.0\",\n  \"main\": \"index.js\",\n"
                   "  \"config\": { \"interval\": 1000 }\n}\n");
}

static int write_file(const char *folder, const char *name, struct str text, struct err *e)
{
    AUTO(buf) path = BUF_INIT;
    buf_printf(&path, "%s/%s", folder, name);
    if (buf_oom(&path))
        return err_set(e, -ENOMEM, "out of memory");
    int rc = file_create(path.data, text);
    return rc < 0 ? err_set(e, rc, "cannot write %s: %s", path.data, err_text(rc)) : 0;
}

/* A folder that is there is somebody's work. */
static int make(const char *folder, const char *name, struct err *e)
{
    AUTO(buf) package = BUF_INIT;
    add_package(&package, name);
    if (buf_oom(&package))
        return err_set(e, -ENOMEM, "out of memory");
    if (mkdir(folder, 0755) < 0)
        return err_set(e, -errno, "cannot make %s: %s", folder, err_text(errno));
    int rc = write_file(folder, "package.json", buf_str(&package), e);
    return rc < 0 ? rc : write_file(folder, "index.js", STR(program), e);
}

static void say(struct cli *cli, const char *text, const char *name)
{
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "%s%s", text, name);
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    AUTO(buf) folder = BUF_INIT;
    const char *name = args->position.count > 0 ? args->position.at[0] : "sample-module";
    if (!module_name_ok(name) || strchr(name, '/')) {
        ui_error(&cli->ui, "%s: not a name that a module and its folder can have", name);
        return 1;
    }
    buf_printf(&folder, "%s/%s", cli->cwd, name);
    if (buf_oom(&folder))
        return cli_fail(cli, &(struct err){-ENOMEM, "out of memory"});
    if (make(folder.data, name, &e) < 0)
        return cli_fail(cli, &e);
    modules_say(cli, "Module sample created in folder:  %s", folder.data);
    say(cli, "", "");
    say(cli, "Try it:      cd ", name);
    say(cli, "             pm2 install .", "");
    say(cli, "Its output:  pm2 logs ", name);
    say(cli, "Remove it:   pm2 delete ", name);
    return 0;
}

const struct cmd cmd_module_generate_entry = {
    .name = "module:generate",
    .args = "[name]",
    .summary = "make the folder of a sample module",
    .run = run,
};
