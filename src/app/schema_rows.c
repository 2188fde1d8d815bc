/* SPDX-License-Identifier: MIT
 * The rows of the option table, in the order in which PM2 writes the keys of a process. Data only:
 * schema.c reads it. Default and bounds are PM2's; the help texts are ours. */
#include "app/schema.h"

#include "base/attr.h"
#include "base/limits.h"

#define TEXT_LIST (ST_STRING | ST_ARRAY)
#define NUM_TEXT  (ST_NUMBER | ST_STRING)
#define TEXT_NUM  (ST_NUMBER | ST_STRING | ST_TEXT_FIRST)
#define ON        "true"

/* A row that works / that is refused because its effect is not built yet. */
#define ROW(...)                                                                                   \
    {                                                                                              \
        .available = true, __VA_ARGS__                                                             \
    }
#define LATER(...)                                                                                 \
    {                                                                                              \
        .available = false, __VA_ARGS__                                                            \
    }
#define DELAY                            .types = ST_NUMBER, .unit = SU_MS, .has_min = true
#define SWITCH                           .types = ST_BOOL, .cli = SC_FLAG
#define UNSWITCH                         .types = ST_BOOL, .cli = SC_NO_FLAG, .def = ON
#define CLI(kind, flag_text, value_text) .cli = (kind), .flags = (flag_text), .value = (value_text)

/* clang-format off */
const struct schema_row schema_rows[] = {
    ROW(.name = "script", .aliases = {"exec", "cmd", "command"}, .types = ST_STRING,
        .help = "file, program or shell line to run"),
    ROW(.name = "name", .types = ST_STRING, CLI(SC_VALUE, "-n --name", "<name>"),
        .help = "call the app <name>"),
    LATER(.name = "name_prefix", .types = ST_STRING, .help = "text in front of a module's name"),
    ROW(.name = "filter_env", .types = ST_BOOL | ST_ARRAY | ST_STRING,
        CLI(SC_OPTIONAL, "--filter-env", "[text]"),
        .help = "keep variables of this shell whose name contains <text> away from the app"),
    ROW(.name = "namespace", .types = ST_STRING, CLI(SC_VALUE, "--namespace", "<ns>"),
        .help = "put the app into a namespace"),
    LATER(.name = "install_url", .types = ST_STRING, .help = "where a module came from"),
    ROW(.name = "cwd", .types = ST_STRING, CLI(SC_VALUE, "--cwd", "<path>"),
        .help = "folder in which the app runs"),
    ROW(.name = "args", .types = TEXT_LIST, .unit = SU_SPLIT, .help = "arguments of the script"),
    ROW(.name = "exec_interpreter", .aliases = {"interpreter"}, .types = ST_STRING,
        CLI(SC_VALUE, "--interpreter", "<program>"),
        .help = "run the script with <program>; none executes it directly"),
    ROW(.name = "node_args", .aliases = {"interpreter_args"}, .types = TEXT_LIST,
        .unit = SU_SPLIT, CLI(SC_VALUE, "--node-args --interpreter-args", "<args>"),
        .help = "arguments of the interpreter, before the script"),
    ROW(.name = "out_file", .aliases = {"out", "output", "out_log"}, .types = ST_STRING,
        CLI(SC_VALUE, "-o --output", "<path>"), .help = "file for standard output"),
    ROW(.name = "error_file", .aliases = {"error", "err", "err_file", "err_log"},
        .types = ST_STRING, CLI(SC_VALUE, "-e --error", "<path>"),
        .help = "file for standard error"),
    ROW(.name = "log_file", .aliases = {"log"}, .types = ST_BOOL | ST_STRING,
        CLI(SC_OPTIONAL, "-l --log", "[path]"), .help = "one more file with both streams"),
    ROW(.name = "disable_logs", SWITCH, .flags = "--disable-logs", .help = "write no log files"),
    LATER(.name = "log_type", .types = ST_STRING, CLI(SC_VALUE, "--log-type", "<type>"),
        .help = "form of the log lines: raw or json"),
    LATER(.name = "log_date_format", .types = ST_STRING,
        CLI(SC_VALUE, "--log-date-format", "<format>"),
        .help = "put the time in this form before each line"),
    LATER(.name = "time", SWITCH, .flags = "--time", .help = "put the time before each line"),
    ROW(.name = "env", .types = ST_OBJECT | ST_STRING, .help = "variables of the app"),
    LATER(.name = "max_memory_restart", .types = TEXT_NUM, .unit = SU_BYTES, .has_min = true,
        .pattern_name = "memory", CLI(SC_VALUE, "--max-memory-restart", "<size>"),
        .help = "restart above this amount of memory (200M, 1G)"),
    ROW(.name = "pid_file", .aliases = {"pid"}, .types = ST_STRING,
        CLI(SC_VALUE, "-p --pid", "<file>"), .help = "file for the process id"),
    ROW(.name = "restart_delay", DELAY, CLI(SC_VALUE, "--restart-delay", "<ms>"),
        .help = "wait so long before an automatic restart"),
    ROW(.name = "exp_backoff_restart_delay", DELAY,
        CLI(SC_VALUE, "--exp-backoff-restart-delay", "<ms>"),
        .help = "wait before an automatic restart, longer each time"),
    LATER(.name = "source_map_support", SWITCH, .flags = "--source-map-support",
        .help = "map stack traces back to the sources"),
    ROW(.name = "disable_source_map_support", SWITCH, .flags = "--disable-source-map-support",
        .help = "leave stack traces as they are"),
    ROW(.name = "wait_ready", SWITCH, .flags = "--wait-ready",
        .help = "count the app as started when it says so"),
    ROW(.name = "instances", .types = ST_NUMBER, CLI(SC_VALUE, "-i --instances", "<n>"),
        .help = "run so many processes; max is one per processor"),
    ROW(.name = "kill_timeout", DELAY, CLI(SC_VALUE, "-k --kill-timeout", "<ms>"),
        .help = "time to end by itself before SIGKILL"),
    ROW(.name = "shutdown_with_message", SWITCH, .flags = "--shutdown-with-message",
        .help = "ask the app to end by a message, not by a signal"),
    ROW(.name = "listen_timeout", DELAY, CLI(SC_VALUE, "--listen-timeout", "<ms>"),
        .help = "wait so long for an app that was to say when it is ready"),
    LATER(.name = "cron_restart", .aliases = {"cron"}, .types = TEXT_NUM,
        CLI(SC_VALUE, "-c --cron --cron-restart", "<pattern>"),
        .help = "restart at these times; 0 switches off"),
    ROW(.name = "merge_logs", .aliases = {"combine_logs"}, SWITCH, .flags = "--merge-logs",
        .help = "all processes of the app share their log files"),
    ROW(.name = "vizion", UNSWITCH, .flags = "--no-vizion",
        .help = "do not look for version control data"),
    ROW(.name = "autostart", UNSWITCH, .flags = "--no-autostart",
        .help = "add the app without starting it"),
    ROW(.name = "autorestart", UNSWITCH, .flags = "--no-autorestart",
        .help = "do not start the app again when it ends"),
    ROW(.name = "stop_exit_codes", .types = ST_NUMBER | ST_ARRAY,
        CLI(SC_VALUE, "--stop-exit-codes", "<codes>"),
        .help = "exit codes after which the app is not started again (0,143)"),
    LATER(.name = "watch_delay", DELAY, CLI(SC_VALUE, "--watch-delay", "<delay>"),
        .help = "wait so long after a change"),
    LATER(.name = "watch", .types = ST_BOOL | ST_ARRAY | ST_STRING,
        CLI(SC_OPTIONAL, "--watch", "[paths]"), .help = "restart when files change"),
    LATER(.name = "ignore_watch", .types = TEXT_LIST, .unit = SU_SPLIT,
        CLI(SC_VALUE, "--ignore-watch", "<paths>"), .help = "files whose changes do not count"),
    LATER(.name = "watch_options", .types = ST_OBJECT, .help = "details of watching"),
    ROW(.name = "min_uptime", .types = NUM_TEXT, .unit = SU_MS, .has_min = true, .min = 100,
        .pattern_name = "duration", .help = "a process that ends earlier counts as unstable"),
    ROW(.name = "max_restarts", .types = ST_NUMBER, .has_min = true,
        CLI(SC_OPTIONAL, "--max-restarts", "[count]"),
        .help = "give up after so many unstable restarts in a row"),
    ROW(.name = "execute_command", SWITCH, .flags = "-x --execute-command",
        .help = "run in fork mode, whatever the script is"),
    ROW(.name = "exec_mode", .types = ST_STRING, .pattern_name = "mode",
        .help = "fork or cluster"),
    ROW(.name = "force", SWITCH, .flags = "-f --force",
        .help = "start another copy of a running script"),
    LATER(.name = "append_env_to_name", .types = ST_BOOL,
        .help = "add the name of the environment to the app's name"),
    LATER(.name = "post_update", .types = ST_ARRAY, .help = "commands to run after a pull"),
    LATER(.name = "trace", SWITCH, .flags = "--trace", .help = "trace transactions"),
    ROW(.name = "disable_trace", SWITCH, .flags = "--disable-trace",
        .help = "do not trace transactions"),
    LATER(.name = "v8", SWITCH, .flags = "--v8", .help = "collect figures of the V8 engine"),
    LATER(.name = "event_loop_inspector", SWITCH, .flags = "--event-loop-inspector",
        .help = "collect figures of the event loop"),
    LATER(.name = "deep_monitoring", SWITCH, .flags = "--deep-monitoring",
        .help = "all of trace, v8 and event-loop-inspector"),
    ROW(.name = "increment_var", .types = ST_STRING,
        .help = "variable that grows by one with each process"),
    ROW(.name = "instance_var", .types = ST_STRING, .def = "\"NODE_APP_INSTANCE\"",
        .help = "variable that holds the number of the process"),
    ROW(.name = "pmx", .types = ST_BOOL | ST_STRING, .def = ON, CLI(SC_NO_FLAG, "--no-pmx", NULL),
        .help = "no monitoring inside the app"),
    ROW(.name = "automation", UNSWITCH, .flags = "--no-automation",
        .help = "no monitoring inside the app"),
    ROW(.name = "treekill", UNSWITCH, .flags = "--no-treekill",
        .help = "stop only the process itself, not its children"),
    ROW(.name = "port", .types = ST_NUMBER, .help = "variable PORT of the app"),
    ROW(.name = "username", .types = ST_STRING, .help = "who started the app"),
    ROW(.name = "uid", .aliases = {"user"}, .types = NUM_TEXT,
        CLI(SC_VALUE, "-u --user --uid", "<user>"), .help = "run as this user (root only)"),
    ROW(.name = "gid", .types = NUM_TEXT, CLI(SC_VALUE, "--gid", "<group>"),
        .help = "run with this group (root only)"),
    ROW(.name = "windowsHide", .types = ST_BOOL, .def = ON,
        .help = "no console window (no effect on Linux)"),
    ROW(.name = "kill_retry_time", DELAY, .def = "100",
        .help = "look so often whether a killed process is gone"),
    LATER(.name = "write", SWITCH, .flags = "-w --write",
        .help = "write the options into a configuration file"),
    LATER(.name = "io", .types = ST_OBJECT, .help = "settings of the monitoring inside the app"),
};
/* clang-format on */

const size_t schema_row_count = ARRAY_LEN(schema_rows);
