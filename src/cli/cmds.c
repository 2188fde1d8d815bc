/* SPDX-License-Identifier: MIT
 * The list of commands: the built ones by their entries, the others by name, so that nobody takes
 * them for typing errors. */
#include <string.h>

#include "base/attr.h"
#include "cli/cmd.h"

extern const struct cmd cmd_start_entry, cmd_stop_entry, cmd_restart_entry, cmd_delete_entry,
    cmd_list_entry, cmd_jlist_entry, cmd_prettylist_entry, cmd_describe_entry, cmd_env_entry,
    cmd_id_entry, cmd_pid_entry, cmd_logs_entry, cmd_reset_entry, cmd_send_signal_entry,
    cmd_ping_entry, cmd_kill_entry, cmd_help_entry, cmd_reload_entry, cmd_send_entry,
    cmd_ecosystem_entry, cmd_start_or_restart_entry, cmd_start_or_reload_entry, cmd_plan_entry,
    cmd_apply_entry, cmd_check_entry, cmd_scale_entry, cmd_set_entry, cmd_get_entry, cmd_conf_entry,
    cmd_unset_entry, cmd_multiset_entry, cmd_attach_entry, cmd_flush_entry, cmd_reload_logs_entry,
    cmd_rollback_entry, cmd_save_entry, cmd_resurrect_entry, cmd_cleardump_entry, cmd_startup_entry,
    cmd_unstartup_entry, cmd_history_entry, cmd_why_entry, cmd_trigger_entry, cmd_install_entry,
    cmd_module_update_entry, cmd_uninstall_entry, cmd_update_entry, cmd_takeover_entry,
    cmd_module_generate_entry, cmd_package_entry, cmd_module_launch_entry;

static const struct cmd *const built[] = {
    &cmd_start_entry,
    &cmd_stop_entry,
    &cmd_restart_entry,
    &cmd_delete_entry,
    &cmd_list_entry,
    &cmd_jlist_entry,
    &cmd_prettylist_entry,
    &cmd_describe_entry,
    &cmd_env_entry,
    &cmd_id_entry,
    &cmd_pid_entry,
    &cmd_logs_entry,
    &cmd_flush_entry,
    &cmd_reload_logs_entry,
    &cmd_reset_entry,
    &cmd_send_signal_entry,
    &cmd_ping_entry,
    &cmd_kill_entry,
    &cmd_help_entry,
    &cmd_reload_entry,
    &cmd_rollback_entry,
    &cmd_send_entry,
    &cmd_trigger_entry,
    &cmd_ecosystem_entry,
    &cmd_start_or_restart_entry,
    &cmd_start_or_reload_entry,
    &cmd_plan_entry,
    &cmd_apply_entry,
    &cmd_check_entry,
    &cmd_scale_entry,
    &cmd_set_entry,
    &cmd_get_entry,
    &cmd_conf_entry,
    &cmd_unset_entry,
    &cmd_multiset_entry,
    &cmd_attach_entry,
    &cmd_save_entry,
    &cmd_resurrect_entry,
    &cmd_cleardump_entry,
    &cmd_startup_entry,
    &cmd_unstartup_entry,
    &cmd_update_entry,
    &cmd_takeover_entry,
    &cmd_history_entry,
    &cmd_why_entry,
    &cmd_install_entry,
    &cmd_module_update_entry,
    &cmd_uninstall_entry,
    &cmd_module_generate_entry,
    &cmd_package_entry,
    &cmd_module_launch_entry,
};

#define LATER(word, usage, text, ...)                                                              \
    {                                                                                              \
        .name = (word), .aliases = {__VA_ARGS__}, .args = (usage), .summary = (text)               \
    }

/* clang-format off */
static const struct cmd later[] = {
    LATER("inspect", "<name>", "open the debugger of a Node app", NULL),
    LATER("monit", "", "watch processes in a full-screen view", "dashboard", "dash"),
    LATER("imonit", "", "watch processes as bars", NULL),
    LATER("slist", "", "figures of this machine", "sysinfos"),
    LATER("report", "", "collect facts for a bug report", NULL),
    LATER("deepUpdate", "", "install the latest version and update", NULL),
    LATER("publish", "[folder]", "publish a module", "module:publish"),
    LATER("deploy", "<file|environment>", "deploy apps to other machines", NULL),
    LATER("serve", "[path] [port]", "serve a folder over HTTP", "expose"),
    LATER("profile:cpu", "[ms]", "profile the daemon's time", NULL),
    LATER("profile:mem", "[ms]", "profile the daemon's memory", NULL),
    LATER("create", "", "make a sample project", NULL),
    LATER("examples", "", "show examples", NULL),
    LATER("completion", "[install|uninstall]", "completion for the shell", NULL),
    LATER("pull", "<name> [commit_id]", "update the repository of an app", NULL),
    LATER("forward", "<name>", "go to the next commit of an app", NULL),
    LATER("backward", "<name>", "go to the previous commit of an app", NULL),
    LATER("logrotate", "", "write a logrotate configuration", NULL),
    LATER("monitor", "[name]", "mark processes as monitored", NULL),
    LATER("unmonitor", "[name]", "remove that mark", NULL),
    LATER("link", "[secret] [public] [name]", "connect to the monitoring service", NULL),
    LATER("unlink", "", "disconnect from the monitoring service", NULL),
    LATER("open", "", "open the monitoring service", NULL),
    LATER("plus", "[command] [option]", "the monitoring service", "register"),
    LATER("login", "", "log in to the monitoring service", NULL),
    LATER("logout", "", "log out from the monitoring service", NULL),
    LATER("install-otel", "", "install the packages for tracing", NULL),
    LATER("uninstall-otel", "", "remove the packages for tracing", NULL),
    LATER("autoinstall", "", "install what apps need", NULL),
};
/* clang-format on */

const struct cmd *cmd_at(size_t i)
{
    if (i < ARRAY_LEN(built))
        return built[i];
    i -= ARRAY_LEN(built);
    return i < ARRAY_LEN(later) ? &later[i] : NULL;
}

const struct cmd *cmd_find(const char *name)
{
    const struct cmd *cmd;
    for (size_t i = 0; (cmd = cmd_at(i)) != NULL; i++) {
        if (strcmp(cmd->name, name) == 0)
            return cmd;
        for (size_t a = 0; cmd->aliases[a]; a++)
            if (strcmp(cmd->aliases[a], name) == 0)
                return cmd;
    }
    return NULL;
}
