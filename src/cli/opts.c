/* SPDX-License-Identifier: MIT
 * The options that belong to the CLI itself. */
#include "cli/opts.h"

#include <string.h>

#include "base/attr.h"
#include "base/str.h"

/* clang-format off */
const struct opt opts_common[] = {
    {"-V -v --version", NULL, "print the version of PM2 that this program stands in for", SC_FLAG, false},
    {"-s --silent", NULL, "print nothing but data", SC_FLAG, false},
    {"--ext", "<extensions>", "with --watch: only files with these extensions (js,json)", SC_VALUE, false},
    {"-m --mini-list", NULL, "list processes in blocks of lines", SC_FLAG, false},
    {"--env", "<name>", "environment of the configuration file to use", SC_VALUE, false},
    {"-a --update-env", NULL, "give the app the variables of this shell", SC_FLAG, false},
    {"--parallel", "<n>", "restart, reload: how many processes start at the same time", SC_VALUE, false},
    {"--hp", "<home>", "home folder for the start-up script", SC_VALUE, false},
    {"--wait-ip", NULL, "start-up script: wait for the network", SC_FLAG, false},
    {"--service-name", "<name>", "name of the start-up service", SC_VALUE, false},
    {"--no-daemon", NULL, "stay and show all logs; a daemon launched by this ends with it", SC_NO_FLAG, false},
    {"--only", "<names>", "only these apps of the configuration file", SC_VALUE, false},
    {"--no-color", NULL, "no colours", SC_NO_FLAG, false},
    {"--color", NULL, "colours even when the output is no terminal", SC_FLAG, false},
    {"--sort", "<field[:desc]>", "order of the list: name, namespace, pid, id, cpu, memory, uptime, status", SC_VALUE, false},
    {"--attach", NULL, "show the logs afterwards", SC_FLAG, false},
    {"--dump-commands", NULL, "print all commands and options as JSON", SC_FLAG, false},
};
/* clang-format on */
const size_t opts_common_count = ARRAY_LEN(opts_common);

bool opt_is(const struct opt *o, const char *flag)
{
    size_t n = strlen(flag);
    for (const char *at = o->flags; at; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, flag, n) == 0 && (at[n] == '\0' || at[n] == ' '))
            return true;
    }
    return false;
}

const struct opt *opt_find(const struct opt *table, size_t count, const char *flag)
{
    if (flag[0] != '-' || strchr(flag, ' '))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (opt_is(&table[i], flag))
            return &table[i];
    return NULL;
}

struct opt opt_of_row(const struct schema_row *row)
{
    return (struct opt){row->flags, row->value, row->help, row->cli, false};
}

bool opt_find_global(const char *flag, struct opt *ret, const struct schema_row **ret_row)
{
    const struct opt *o = opt_find(opts_common, opts_common_count, flag);
    *ret_row = NULL;
    if (o) {
        *ret = *o;
        return true;
    }
    *ret_row = schema_find_flag(flag);
    if (*ret_row)
        *ret = opt_of_row(*ret_row);
    return *ret_row;
}
