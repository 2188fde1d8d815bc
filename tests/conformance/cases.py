# SPDX-License-Identifier: MIT
"""What is done with the files of cases/, for each side alike.

A step is a command line of pm2 in a copy of cases/ ("< FILE" is its standard input), or "cp A B".
After each step everything that can be seen is compared: exit code, lines on stdout and stderr, the
list, and of each process its environment, arguments, folder and user.
"""

import os
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    name: str
    steps: tuple
    variables: dict = field(default_factory=dict)  # more environment of the commands


def start(*names):
    """Just "pm2 start FILE", called like the file."""
    return [Case(name, (f"start {name}",)) for name in names]


def case(name, *steps, **variables):
    return Case(name, steps, variables)


AS_ROOT = [] if os.geteuid() else [
    *start("user.json", "user_unknown.json", "group_unknown.json", "types_alias_user.json"),
    case("--uid", "start two.json --uid nobody"),
    case("--uid, a number", "start two.json --uid 65534"),
]

CASES = [
    # Attributes: every one with its spellings, types and units.
    *start("script.json", "script_shell.json", "script_program.json", "script_kinds.json",
           "script_missing.json", "script_not_found.json", "name.json", "name_prefix.json",
           "name_twice.json", "namespace.json", "cwd.json", "args.json", "splitting.json",
           "interpreter.json", "interpreter_missing.json", "node_args.json", "out_file.json",
           "error_file.json", "log_file.json", "log_instances.json", "log_style.json",
           "log_folder.json", "pid_file.json", "env.json",
           "env_called_name.json", "env_own_names.json", "env_string.json",
           "env_stage.json", "env_stage_string.json", "append_env_to_name.json",
           "filter_env_array.json", "filter_env_string.json",
           "filter_env_exact.json", "filter_env_several.json", "filter_env_empty.json",
           "filter_env_false.json",
           "filter_env_true.json", "max_memory_restart.json", "delays.json", "delays_units.json",
           "zero.json", "zero_text.json", "zero_camel.json", "false_words.json", "uptime.json",
           "switches.json", "switches_text.json", "probes.json", "autostart.json",
           "wait_ready.json", "instances.json", "instances_max.json", "instances_text.json",
           "exec_mode.json", "cron.json", "cron_short.json", "cron_range.json", "cron_word.json",
           "cron_number.json",
           "cron_type.json", "cron_list.json", "disable_trace_camel.json",
           "cron_zero.json", "cron_zero_text.json", "instances_zero.json", "instances_minus.json",
           "instances_fraction.json", "execute_camel.json", "disable_trace.json",
           "alias_camel.json", "stop_exit_codes.json", "watch.json", "post_update.json",
           "variables.json", "write.json",
           "unknown.json"),
    *AS_ROOT,
    # Wrong types and bounds.
    *start("types_object.json", "types_number.json", "types_boolean.json", "types_string.json",
           "types_array.json", "types_null.json", "types_exec_mode.json", "types_script.json", "types_aliases.json",
           "types_numbers.json", "bounds.json", "bounds_min_uptime.json", "patterns.json",
           "patterns_case.json", "patterns_fraction.json", "several_errors.json", "proto.json"),
    # Kinds of files.
    *start("form_array.json", "form_object.json", "form_pm2.json", "form_pm2_object.json",
           "form_apps_object.json", "form_json5.json", "form_javascript.json", "form_empty.json",
           "form_empty_list.json", "form_empty_object.json", "form_number.json",
           "form_strings.json", "form_broken.json", "form_duplicate_keys.json", "odd.json.bak",
           "odd.ecosystem.config.jsx", "plain.yaml", "anchors.yml", "list.yml", "broken.yaml",
           "empty.yaml", "types.yaml", "plain.config.js", "array.config.js", "object.config.js",
           "function.config.js", "promise.config.js", "throws.config.js", "syntax.config.js",
           "values.config.js", "wrong.config.js", "plain.config.cjs", "named.config.mjs",
           "default.config.mjs", "module/esm.config.js", "module/version.json", "nowhere.json",
           "nowhere.config.js", "deep/relative.json", "deep/beside.json"),
    case("no argument", "start"),
    case("standard input", "start - < two.json", "restart - < two.json", "stop - < two.json",
         "delete - < two.json"),
    case("standard input, broken", "start - < form_broken.json"),
    # Options that count with a file, and those that do not.
    case("--env", "start env_stage.json --env production"),
    case("--env, unknown", "start env_stage.json --env nowhere"),
    case("--env, as text", "start env_stage_string.json --env production"),
    case("--env, name", "start append_env_to_name.json --env production",
         "restart append_env_to_name.json --env production"),
    case("--env, deploy", "start deploy.json --env production"),
    case("--env, second start", "start env_stage.json", "start env_stage.json --env production",
         "start env_stage.json"),
    case("--only", "start three.json --only b"),
    case("--only, two", "start three.json --only 'a,c'", "start three.json --only 'b c'"),
    case("--only, none", "start three.json --only z"),
    case("--only, stop and delete", "start three.json", "stop three.json --only b",
         "delete three.json --only a"),
    case("--namespace", "start three.json --namespace three"),
    case("--cwd", "start two.json --cwd sub"),
    case("--watch", "start two.json --watch --cwd sub"),
    case("options that do not count", "start two.json --name x -i 2 -o x.log --kill-timeout 5 -- z"),
    # Life of a file.
    case("second start", "start second_a.json", "cp second_b.json second_a.json",
         "start second_a.json"),
    case("second start, paths", "start second_paths_a.json", "start second_paths_b.json"),
    case("second start, script", "start second_paths_a.json", "start second_script.json"),
    case("second start, one left over", "start two.json --only a", "start two.json"),
    case("second start of stopped apps", "start two.json", "stop a", "start two.json"),
    case("restart", "start two.json", "restart two.json"),
    case("restart, nothing runs", "restart two.json"),
    case("restart by name", "start second_a.json", "restart a", "restart a --update-env"),
    case("startOrRestart", "startOrRestart two.json", "startOrRestart two.json"),
    case("startOrReload", "startOrReload two.json", "startOrReload two.json"),
    case("startOrGracefulReload", "startOrGracefulReload two.json"),
    case("startOrRestart, missing file", "startOrRestart nowhere.json"),
    case("stop, delete", "start two.json", "stop two.json", "delete two.json"),
    case("stop, nothing runs", "stop two.json", "delete two.json"),
    case("several files", "start two.json form_array.json"),
    case("several files, one bad", "start two.json nowhere.json"),
]
