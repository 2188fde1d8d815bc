/* SPDX-License-Identifier: MIT
 * Help and --dump-commands. The exit codes are PM2's, the words are our own. */
#include "cli/help.h"

#include <string.h>

#include "base/attr.h"
#include "cli/ui/text.h"
#include "json/write.h"

#define INDENT    4
#define FIRST_MAX 34 /* a longer first column gets a line of its own */

void help_usage(struct buf *out)
{
    buf_add_c(out, "usage: pm2 [options] <command>\n\n"
                   "pm2 -h, --help        all commands and options\n"
                   "pm2 <command> -h      one command in detail\n"
                   "pm2 list              what is running\n\n"
                   "State and logs are kept in ~/.pm2, or in $PM2_HOME.\n");
}

static void add_entry(struct buf *out, struct str first, const char *text)
{
    text_repeat(out, INDENT, " ");
    buf_add_str(out, first);
    if (first.n > FIRST_MAX) {
        buf_add_byte(out, '\n');
        text_repeat(out, INDENT + FIRST_MAX, " ");
    } else {
        text_repeat(out, FIRST_MAX - first.n, " ");
    }
    buf_printf(out, "  %s\n", text);
}

static void add_option(struct buf *out, const struct opt *o)
{
    AUTO(buf) first = BUF_INIT;
    for (const char *c = o->flags; *c; c++) {
        if (*c == ' ')
            buf_add_c(&first, ", ");
        else
            buf_add_byte(&first, *c);
    }
    if (o->value)
        buf_printf(&first, " %s", o->value);
    add_entry(out, buf_str(&first), o->help);
}

static void add_options(struct buf *out, const struct opt *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!table[i].later)
            add_option(out, &table[i]);
}

static void add_attributes(struct buf *out)
{
    for (size_t i = 0; i < schema_row_count; i++) {
        struct opt o = opt_of_row(&schema_rows[i]);
        if (o.flags && !o.later)
            add_option(out, &o);
    }
}

static void add_names(struct buf *out, const struct cmd *cmd)
{
    buf_add_c(out, cmd->name);
    for (size_t i = 0; cmd->aliases[i]; i++)
        buf_printf(out, "|%s", cmd->aliases[i]);
    if (cmd->args[0])
        buf_printf(out, " %s", cmd->args);
}

void help_all(struct buf *out)
{
    buf_printf(out,
               "\n  Usage: pm2 [options] <command>\n\n"
               "  pm2c %s, a native process manager that stands in for PM2.\n\n  Commands:\n\n",
               PM2C_VERSION);
    for (size_t i = 0; cmd_at(i); i++) {
        AUTO(buf) first = BUF_INIT;
        if (!cmd_at(i)->run)
            continue;
        add_names(&first, cmd_at(i));
        add_entry(out, buf_str(&first), cmd_at(i)->summary);
    }
    buf_add_c(out, "\n  Options:\n\n");
    add_options(out, opts_common, opts_common_count);
    add_entry(out, STR("-h, --help"), "this text; behind a command: about that command");
    buf_add_c(out, "\n  Options of apps (start, restart):\n\n");
    add_attributes(out);
    buf_add_c(out, "\n  What stands behind -- is given to the script.\n"
                   "  Exit code: 0 when all went well, else 1.\n\n");
}

void help_command(const struct cmd *cmd, struct buf *out)
{
    buf_add_c(out, "\n  Usage: pm2 ");
    add_names(out, cmd);
    buf_printf(out, " [options]\n\n  %s%s\n\n  Options:\n\n", cmd->summary,
               cmd->run ? "" : " (not available yet)");
    add_options(out, cmd->opts, cmd->opt_count);
    if (cmd->flags & CMD_ATTRIBUTES)
        add_attributes(out);
    add_entry(out, STR("-h, --help"), "this text");
    buf_add_byte(out, '\n');
}

/* ---- JSON ---- */

static void dump_option(struct jw *w, const struct opt *o, const char *attribute)
{
    const char *flags = o->flags;
    jw_obj_begin(w);
    jw_key(w, "flags");
    jw_arr_begin(w);
    while (*flags) {
        size_t n = strcspn(flags, " ");
        jw_slice(w, (struct str){flags, n});
        flags += n + (flags[n] == ' ');
    }
    jw_arr_end(w);
    if (o->value)
        jw_kstr(w, "value", o->value);
    if (attribute)
        jw_kstr(w, "attribute", attribute);
    jw_kstr(w, "help", o->help);
    jw_kbool(w, "available", !o->later);
    jw_obj_end(w);
}

static void dump_command(struct jw *w, const struct cmd *cmd)
{
    jw_obj_begin(w);
    jw_kstr(w, "name", cmd->name);
    jw_key(w, "aliases");
    jw_arr_begin(w);
    for (size_t i = 0; cmd->aliases[i]; i++)
        jw_str(w, cmd->aliases[i]);
    jw_arr_end(w);
    jw_kstr(w, "args", cmd->args);
    jw_kstr(w, "summary", cmd->summary);
    jw_kbool(w, "available", cmd->run != NULL);
    jw_kbool(w, "attributes", cmd->flags & CMD_ATTRIBUTES);
    jw_key(w, "options");
    jw_arr_begin(w);
    for (size_t i = 0; i < cmd->opt_count; i++)
        dump_option(w, &cmd->opts[i], NULL);
    jw_arr_end(w);
    jw_obj_end(w);
}

void help_dump(struct buf *out)
{
    struct jw w = jw_to(out);
    jw_obj_begin(&w);
    jw_kstr(&w, "version", PM2C_VERSION);
    jw_key(&w, "commands");
    jw_arr_begin(&w);
    for (size_t i = 0; cmd_at(i); i++)
        dump_command(&w, cmd_at(i));
    jw_arr_end(&w);
    jw_key(&w, "options");
    jw_arr_begin(&w);
    for (size_t i = 0; i < opts_common_count; i++)
        dump_option(&w, &opts_common[i], NULL);
    for (size_t i = 0; i < schema_row_count; i++) {
        struct opt o = opt_of_row(&schema_rows[i]);
        if (o.flags)
            dump_option(&w, &o, schema_rows[i].name);
    }
    jw_arr_end(&w);
    jw_obj_end(&w);
    buf_add_byte(out, '\n');
}
