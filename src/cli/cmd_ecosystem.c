/* SPDX-License-Identifier: MIT
 * pm2 ecosystem, pm2 init: a sample process file to begin with. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "os/atomic_file.h"

#define FILE_NAME "ecosystem.config.js"

static const char simple[] = "module.exports = {\n"
                             "  apps: [\n"
                             "    {\n"
                             "      name: 'app1',\n"
                             "      script: './app.js'\n"
                             "    }\n"
                             "  ]\n"
                             "}\n";

static const char full[] =
    "// Start all: pm2 start " FILE_NAME "     Start one: pm2 start " FILE_NAME " --only web\n"
    "// Look first: pm2 check " FILE_NAME "    Change what differs: pm2 apply " FILE_NAME "\n"
    "module.exports = {\n"
    "  apps: [\n"
    "    {\n"
    "      name: 'web',\n"
    "      script: './server.js',\n"
    "      env: { NODE_ENV: 'development' },\n"
    "      env_production: { NODE_ENV: 'production' }, // with --env production\n"
    "      max_memory_restart: '300M'\n"
    "    },\n"
    "    {\n"
    "      name: 'worker',\n"
    "      script: './worker.js',\n"
    "      watch: ['./worker.js'],\n"
    "      cron_restart: '0 4 * * *',\n"
    "      depends_on: { web: 'started' }\n"
    "    }\n"
    "  ],\n"
    "\n"
    "  deploy: {\n"
    "    production: {\n"
    "      user: 'deployer',\n"
    "      host: 'server.example.org',\n"
    "      ref: 'origin/main',\n"
    "      repo: 'git@git.example.org:team/project.git',\n"
    "      path: '/srv/project',\n"
    "      'post-deploy': 'npm ci && pm2 startOrReload " FILE_NAME " --env production'\n"
    "    }\n"
    "  }\n"
    "}\n";

/* An existing file is somebody's work: it is moved aside, to the first free name. 0 or -errno. */
static int keep_old(struct cli *cli, const char *path)
{
    for (int i = 0;; i++) {
        AUTO(buf) aside = BUF_INIT;
        buf_printf(&aside, "%s.bak", path);
        if (i > 0)
            buf_printf(&aside, ".%d", i);
        if (buf_oom(&aside))
            return -ENOMEM;
        if (renameat2(AT_FDCWD, path, AT_FDCWD, aside.data, RENAME_NOREPLACE) == 0) {
            ui_warn(&cli->ui, "%s was there already; it is %s now", path, aside.data);
            return 0;
        }
        if (errno != EEXIST)
            return errno == ENOENT ? 0 : -errno;
    }
}

static int run(struct cli *cli, const struct args *args)
{
    AUTO(buf) path = BUF_INIT;
    const char *mode = args->position.count > 0 ? args->position.at[0] : "";
    buf_printf(&path, "%s/" FILE_NAME, cli->cwd);
    int rc = keep_old(cli, path.data);
    if (rc == 0)
        rc = file_create(path.data, str_from(strcmp(mode, "simple") == 0 ? simple : full));
    if (rc < 0) {
        ui_error(&cli->ui, "cannot write %s: %s", path.data, err_text(rc));
        return 1;
    }
    AUTO(buf) line = BUF_INIT;
    buf_printf(&line, "File %s generated", path.data);
    ui_line(&cli->ui, UI_OUT, buf_str(&line));
    return 0;
}

const struct cmd cmd_ecosystem_entry = {
    .name = "ecosystem",
    .aliases = {"init"},
    .args = "[mode]",
    .summary = "write a sample process file; \"simple\" for a short one",
    .run = run,
};
