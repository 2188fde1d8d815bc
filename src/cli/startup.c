/* SPDX-License-Identifier: MIT
 * Start at boot: platforms, names and quoting. Pure. */
#include "cli/startup.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "freebsd_text.h"
#include "initd_text.h"
#include "launchd_text.h"
#include "openbsd_text.h"
#include "openrc_text.h"
#include "smf_text.h"
#include "systemd_text.h"
#include "systemd_user_text.h"

#define NAMES_MAX    5
#define COMMANDS_MAX 6

/* How a value is written into a text. */
enum quoting { QUOTE_SYSTEMD, QUOTE_SH, QUOTE_XML };

struct startup_platform {
    const char *names[NAMES_MAX + 1]; /* ours first */
    const char *mark;
    const char *text;
    enum quoting quoting;
    char joint;          /* between "pm2" and the user in the name of the service */
    const char *service; /* instead of that; NULL */
    bool is_own;         /* of one user; never found, only named */
    const char *file;    /* %: the service, ~: the home */
    /* Words separated by blanks; % as above, @ is the file. */
    const char *enable[COMMANDS_MAX + 1], *disable[COMMANDS_MAX + 1];
};

static const struct startup_platform platforms[] = {
    {
        .names = {"systemd", "ubuntu", "centos", "arch", "oracle"},
        .mark = "systemctl",
        .text = systemd_text,
        .quoting = QUOTE_SYSTEMD,
        .joint = '-',
        .file = "/etc/systemd/system/%.service",
        .enable = {"systemctl enable %"},
        .disable = {"systemctl stop %", "systemctl disable %"},
    },
    {
        .names = {"systemd-user"},
        .mark = "systemctl",
        .text = systemd_user_text,
        .quoting = QUOTE_SYSTEMD,
        .service = "pm2",
        .is_own = true,
        .file = "~/.config/systemd/user/%.service",
        .enable = {"systemctl --user enable %"},
        .disable = {"systemctl --user stop %", "systemctl --user disable %"},
    },
    {
        .names = {"upstart", "ubuntu14", "ubuntu12"},
        .mark = "update-rc.d",
        .text = initd_text,
        .quoting = QUOTE_SH,
        .joint = '-',
        .file = "/etc/init.d/%",
        .enable = {"chmod +x @", "mkdir -p /var/lock/subsys", "touch /var/lock/subsys/%",
                   "update-rc.d % defaults"},
        .disable = {"@ stop", "update-rc.d % disable", "update-rc.d -f % remove"},
    },
    {
        .names = {"systemv", "amazon", "centos6"},
        .mark = "chkconfig",
        .text = initd_text,
        .quoting = QUOTE_SH,
        .joint = '-',
        .file = "/etc/init.d/%",
        .enable = {"chmod +x @", "mkdir -p /var/lock/subsys", "touch /var/lock/subsys/%",
                   "chkconfig --add %", "chkconfig % on", "initctl list"},
        .disable = {"@ stop", "chkconfig % off", "chkconfig --del %"},
    },
    {
        .names = {"openrc"},
        .mark = "rc-update",
        .text = openrc_text,
        .quoting = QUOTE_SH,
        .service = "pm2",
        .file = "/etc/init.d/%",
        .enable = {"chmod +x @", "rc-update add % default"},
        .disable = {"@ stop", "rc-update delete % default"},
    },
    {
        .names = {"launchd", "macos", "darwin"},
        .mark = "launchctl",
        .text = launchd_text,
        .quoting = QUOTE_XML,
        .joint = '.',
        .file = "~/Library/LaunchAgents/%.plist",
        .enable = {"launchctl load -w @"},
        .disable = {"launchctl unload -w @"},
    },
    {
        .names = {"rcd", "freebsd"},
        .mark = "sysrc",
        .text = freebsd_text,
        .quoting = QUOTE_SH,
        .joint = '_',
        .file = "/usr/local/etc/rc.d/%",
        .enable = {"chmod 755 @", "sysrc %_enable=YES"},
        .disable = {"@ stop", "sysrc -x %_enable"},
    },
    {
        .names = {"rcd-openbsd", "openbsd"},
        .mark = "rcctl",
        .text = openbsd_text,
        .quoting = QUOTE_SH,
        .joint = '_',
        .file = "/etc/rc.d/%",
        .enable = {"chmod 755 @", "rcctl enable %", "rcctl start %"},
        .disable = {"rcctl stop %", "rcctl disable %"},
    },
    {
        .names = {"smf", "sunos", "solaris"},
        .mark = "svcadm",
        .text = smf_text,
        .quoting = QUOTE_XML,
        .joint = '_',
        .file = "/tmp/%.xml",
        .enable = {"svccfg import @", "svcadm enable %"},
        .disable = {"svcadm disable %", "svccfg delete -f %"},
    },
};

const struct startup_platform *startup_at(size_t i)
{
    return i < ARRAY_LEN(platforms) ? &platforms[i] : NULL;
}

const struct startup_platform *startup_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(platforms); i++)
        for (size_t k = 0; platforms[i].names[k]; k++)
            if (strcmp(platforms[i].names[k], name) == 0)
                return &platforms[i];
    return NULL;
}

const char *startup_name(const struct startup_platform *p)
{
    return p->names[0];
}

const char *startup_mark(const struct startup_platform *p)
{
    return p->mark;
}

bool startup_is_own(const struct startup_platform *p)
{
    return p->is_own;
}

bool startup_can_keep(const struct startup_platform *p)
{
    return p->quoting == QUOTE_SYSTEMD;
}

/* ---- what may be in there ---- */

/* A name that is a word for every init system, every shell and every file system. */
static bool is_plain_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > LIMIT_SERVICE_BYTES || name[0] == '-' || name[0] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("._-@", name[i]))
            return false;
    return true;
}

static int check_text(const char *what, const char *value, bool is_path, struct err *e)
{
    if (is_path && value[0] != '/')
        return err_set(e, -EINVAL, "%s must be an absolute path, but is \"%s\"", what, value);
    for (const char *at = value; *at; at++)
        if (iscntrl((unsigned char)*at))
            return err_set(e, -EINVAL, "%s has a control character in it", what);
    return 0;
}

int startup_check(const struct startup_facts *f, struct err *e)
{
    if (!is_plain_name(f->user))
        return err_set(e, -EINVAL,
                       "\"%s\" is no user for a start-up script: letters, digits, . _ - and @ only",
                       f->user);
    if (f->service && !is_plain_name(f->service))
        return err_set(e, -EINVAL,
                       "\"%s\" is no name for a service: letters, digits, . _ - and @ only",
                       f->service);
    int rc = check_text("the path of pm2", f->pm2, true, e);
    if (rc == 0)
        rc = check_text("PM2_HOME", f->pm2_home, true, e);
    if (rc == 0)
        rc = check_text("the home folder", f->home, true, e);
    return rc < 0 ? rc : check_text("PATH", f->path, false, e);
}

/* ---- quoting ---- */

static bool is_plain_text(const char *value)
{
    for (const char *at = value; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("/._-+=:,@", *at))
            return false;
    return *value;
}

/* systemd.syntax(7), and for commands systemd.service(5): they expand $, settings do not. */
static void quote_systemd(struct buf *out, const char *value, bool is_command)
{
    if (is_plain_text(value)) {
        buf_add_c(out, value);
        return;
    }
    buf_add_byte(out, '"');
    for (const char *at = value; *at; at++) {
        if (*at == '"' || *at == '\\')
            buf_add_byte(out, '\\');
        else if (*at == '%' || (*at == '$' && is_command))
            buf_add_byte(out, *at);
        buf_add_byte(out, *at);
    }
    buf_add_byte(out, '"');
}

static void quote_sh(struct buf *out, const char *value)
{
    if (is_plain_text(value)) {
        buf_add_c(out, value);
        return;
    }
    buf_add_byte(out, '\'');
    for (const char *at = value; *at; at++)
        if (*at == '\'')
            buf_add_c(out, "'\\''");
        else
            buf_add_byte(out, *at);
    buf_add_byte(out, '\'');
}

static void quote_xml(struct buf *out, const char *value)
{
    for (const char *at = value; *at; at++) {
        switch (*at) {
        case '&': buf_add_c(out, "&amp;"); break;
        case '<': buf_add_c(out, "&lt;"); break;
        case '>': buf_add_c(out, "&gt;"); break;
        case '"': buf_add_c(out, "&quot;"); break;
        default: buf_add_byte(out, *at);
        }
    }
}

static void quote(struct buf *out, enum quoting how, const char *value, bool is_command)
{
    if (how == QUOTE_SYSTEMD)
        quote_systemd(out, value, is_command);
    else if (how == QUOTE_SH)
        quote_sh(out, value);
    else
        quote_xml(out, value);
}

/* ---- the text ---- */

struct filling {
    const struct startup_platform *platform;
    const struct startup_facts *facts;
    const char *service;
};

static void add_user(struct buf *out, const struct filling *f)
{
    buf_add_c(out, f->facts->user);
}

static void add_service(struct buf *out, const struct filling *f)
{
    buf_add_c(out, f->service);
}

static void add_pm2(struct buf *out, const struct filling *f)
{
    quote(out, f->platform->quoting, f->facts->pm2, true);
}

/* A word inside of an attribute: both kinds of quoting, the inner one first. */
static void add_pm2_word(struct buf *out, const struct filling *f)
{
    AUTO(buf) word = BUF_INIT;
    quote_sh(&word, f->facts->pm2);
    quote_xml(out, word.data);
}

static void add_path(struct buf *out, const struct filling *f)
{
    quote(out, f->platform->quoting, f->facts->path, false);
}

static void add_home(struct buf *out, const struct filling *f)
{
    quote(out, f->platform->quoting, f->facts->pm2_home, false);
}

static void add_setting(struct buf *out, const char *name, const char *value)
{
    AUTO(buf) text = BUF_INIT;
    buf_printf(&text, "%s=%s", name, value);
    quote_systemd(out, text.data, false);
}

static void add_path_setting(struct buf *out, const struct filling *f)
{
    add_setting(out, "PATH", f->facts->path);
}

static void add_home_setting(struct buf *out, const struct filling *f)
{
    add_setting(out, "PM2_HOME", f->facts->pm2_home);
}

static void add_network(struct buf *out, const struct filling *f)
{
    buf_add_c(out, f->facts->wait_ip ? "Wants=network-online.target\nAfter=network-online.target"
                                     : "After=network.target");
}

/* How it starts and ends. */
static void add_life(struct buf *out, const struct filling *f)
{
    bool keep = f->facts->keep_apps;
    buf_printf(out, "KillMode=%s\n", keep ? "process\nRestartKillSignal=SIGUSR1" : "mixed");
    buf_add_c(out, "\nExecStart=");
    add_pm2(out, f);
    buf_printf(out, " resurrect%s\nExecReload=", keep ? " --stay" : "");
    add_pm2(out, f);
    buf_add_c(out, " reload all\n");
    if (keep)
        return;
    buf_add_c(out, "ExecStop=");
    add_pm2(out, f);
    buf_add_c(out, " kill\n");
}

static const struct {
    const char *name;
    void (*add)(struct buf *out, const struct filling *f);
} values[] = {
    {"USER", add_user},
    {"NAME", add_service},
    {"PM2", add_pm2},
    {"PM2_WORD", add_pm2_word},
    {"PATH", add_path},
    {"PM2_HOME", add_home},
    {"ENV_PATH", add_path_setting},
    {"ENV_HOME", add_home_setting},
    {"NETWORK", add_network},
    {"LIFE", add_life},
};

static bool add_value(struct buf *out, const struct filling *f, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        if (!str_eq_c(name, values[i].name))
            continue;
        values[i].add(out, f);
        return true;
    }
    return false;
}

/* The template with @NAME@ replaced. What is no name of ours stays: scripts have "$@". */
static void fill(struct buf *out, const struct filling *f)
{
    const char *at = f->platform->text;
    while (*at) {
        size_t n = strcspn(at, "@");
        buf_add(out, at, n);
        at += n;
        if (!*at)
            break;
        size_t length = strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ2_");
        if (length > 0 && at[1 + length] == '@' &&
            add_value(out, f, (struct str){at + 1, length})) {
            at += length + 2;
        } else {
            buf_add_byte(out, '@');
            at++;
        }
    }
}

/* ---- the plan ---- */

/* "pm2-bob". What is a variable of a script may have letters, digits and _ only. */
static char *service_name(const struct startup_platform *p, const struct startup_facts *f)
{
    struct buf name = BUF_INIT;
    if (f->service)
        buf_add_c(&name, f->service);
    else if (p->service)
        buf_add_c(&name, p->service);
    else
        buf_printf(&name, "pm2%c%s", p->joint, f->user);
    for (size_t i = 0; i < name.len && p->joint == '_'; i++)
        if (!isalnum((unsigned char)name.data[i]))
            name.data[i] = '_';
    return buf_detach(&name);
}

static void expand(struct buf *out, const char *pattern, size_t n, const char *service,
                   const char *file, const char *home)
{
    for (size_t i = 0; i < n; i++) {
        const char *value = pattern[i] == '%'   ? service
                            : pattern[i] == '@' ? file
                            : pattern[i] == '~' ? home
                                                : NULL;
        if (value)
            buf_add_c(out, value);
        else
            buf_add_byte(out, pattern[i]);
    }
}

/* A list of argument lists. NULL on OOM. */
static json_t *commands(const char *const *patterns, const char *service, const char *file)
{
    json_t *list = json_array();
    for (size_t i = 0; patterns[i]; i++) {
        json_t *words = json_array();
        for (const char *at = patterns[i]; *at;) {
            AUTO(buf) word = BUF_INIT;
            size_t n = strcspn(at, " ");
            expand(&word, at, n, service, file, "");
            if (buf_oom(&word) || json_array_append_new(words, json_string(word.data)) < 0) {
                json_decref(words);
                json_decref(list);
                return NULL;
            }
            at += n + (at[n] == ' ');
        }
        if (json_array_append_new(list, words) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int startup_plan_init(struct startup_plan *plan, const struct startup_platform *p,
                      const struct startup_facts *f, struct err *e)
{
    struct buf file = BUF_INIT;
    *plan = (struct startup_plan){.text = BUF_INIT};
    char *service = service_name(p, f);
    if (service) {
        const struct filling filling = {p, f, service};
        expand(&file, p->file, strlen(p->file), service, "", f->home);
        plan->file = buf_detach(&file);
        fill(&plan->text, &filling);
    }
    if (plan->file) {
        plan->enable = commands(p->enable, service, plan->file);
        plan->disable = commands(p->disable, service, plan->file);
    }
    free(service);
    if (plan->enable && plan->disable && !buf_oom(&plan->text))
        return 0;
    startup_plan_fini(plan);
    return err_set(e, -ENOMEM, "out of memory");
}

void startup_plan_fini(struct startup_plan *plan)
{
    free(plan->file);
    plan->file = NULL;
    buf_fini(&plan->text);
    json_decref(plan->enable);
    json_decref(plan->disable);
    plan->enable = plan->disable = NULL;
}
