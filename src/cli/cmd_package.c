/* SPDX-License-Identifier: MIT
 * pm2 package: a module's folder as the archive that `pm2 install X.tar.gz` understands, with the
 * folder `module` at its top. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cmd.h"
#include "cli/module_dir.h"
#include "cli/module_word.h"
#include "cli/modules.h"
#include "os/fd.h"
#include "json/read.h"

/* PM2's name for it: the folder's own, then the version with dashes. */
static int archive_name(const char *folder, const json_t *package, struct buf *ret, struct err *e)
{
    const char *version = json_get_str(package, "version");
    const char *name = json_get_str(package, "name");
    const char *slash = strrchr(folder, '/');
    if (!name || !module_name_ok(name))
        return err_set(e, -EINVAL, "%s/package.json: it needs a `name` that a folder can have",
                       folder);
    if (!version || !*version || strchr(version, '/'))
        return err_set(e, -EINVAL, "%s/package.json: it needs a `version`", folder);
    buf_printf(ret, "%s-v", slash ? slash + 1 : folder);
    for (const char *c = version; *c; c++)
        buf_add_byte(ret, *c == '.' ? '-' : *c);
    buf_add_c(ret, ".tar.gz");
    return buf_oom(ret) ? err_set(e, -ENOMEM, "out of memory") : 0;
}

/* A file that is made while tar reads the folder changes the folder, of which tar complains. */
static int make_part(const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set(e, -errno, "cannot write %s: %s", path, err_text(errno));
    fd_close(&fd);
    return 0;
}

/* Written beside, and renamed when it is whole. Neither it nor an older one is packed when the
 * folder is the one we are in. */
static int pack(const char *folder, const char *name, const char *path, struct err *e)
{
    AUTO(buf) part = BUF_INIT;
    AUTO(buf) not_part = BUF_INIT;
    AUTO(buf) not_old = BUF_INIT;
    buf_printf(&part, "%s.part", path);
    buf_printf(&not_part, "--exclude=./%s.part", name);
    buf_printf(&not_old, "--exclude=./%s", name);
    if (buf_oom(&part) || buf_oom(&not_part) || buf_oom(&not_old))
        return err_set(e, -ENOMEM, "out of memory");
    const char *const argv[] = {"tar",
                                "--force-local",
                                "--anchored",
                                "--no-wildcards",
                                not_part.data,
                                not_old.data,
                                "--transform=s,^\\.,module,S",
                                "-C",
                                folder,
                                "-czf",
                                part.data,
                                ".",
                                NULL};
    int rc = make_part(part.data, e);
    if (rc < 0)
        return rc;
    rc = child_run((char *const *)argv, NULL, e);
    if (rc > 0)
        rc = err_set(e, -EIO, "tar could not pack %s", folder);
    if (rc == 0 && rename(part.data, path) < 0)
        rc = err_set(e, -errno, "cannot write %s: %s", path, err_text(errno));
    if (rc < 0)
        (void)unlink(part.data);
    return rc;
}

/* The folder that is meant, absolute and without links. */
static int find_folder(const struct cli *cli, const char *word, char ret[PATH_MAX], struct err *e)
{
    AUTO(buf) given = BUF_INIT;
    const char *home = getenv("HOME");
    module_word_path(word, cli->cwd, home ? home : "", &given);
    if (buf_oom(&given))
        return err_set(e, -ENOMEM, "out of memory");
    return realpath(given.data, ret) ? 0 : err_set(e, -errno, "%s: %s", word, err_text(errno));
}

static int run(struct cli *cli, const struct args *args)
{
    struct err e = {0};
    char folder[PATH_MAX];
    AUTO(buf) name = BUF_INIT;
    AUTO(buf) path = BUF_INIT;
    if (find_folder(cli, args->position.count > 0 ? args->position.at[0] : ".", folder, &e) < 0)
        return cli_fail(cli, &e);
    AUTO_JSON package = module_dir_read(folder, &e);
    if (!package || archive_name(folder, package, &name, &e) < 0)
        return cli_fail(cli, &e);
    buf_printf(&path, "%s/%s", cli->cwd, name.data);
    modules_say(cli, "Gziping %s to %s", folder, path.data);
    if (pack(folder, name.data, path.data, &e) < 0)
        return cli_fail(cli, &e);
    modules_say(cli, "Module packaged in %s", path.data);
    return 0;
}

const struct cmd cmd_package_entry = {
    .name = "package",
    .args = "[target]",
    .summary = "pack the folder of a module, to be installed elsewhere",
    .run = run,
};
