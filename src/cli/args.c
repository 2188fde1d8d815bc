/* SPDX-License-Identifier: MIT
 * Splitting, matching and collecting of command line words. The CLI may die when memory is out. */
#include "cli/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/mem.h"
#include "json/read.h"

/* ---- words ---- */

static void words_add(struct words *w, const char *word)
{
    if (w->count == w->room) {
        w->room = w->room ? 2 * w->room : 16;
        w->at = mem_resize(w->at, w->room * sizeof(w->at[0]));
    }
    w->at[w->count++] = word;
}

static const char *own(struct args *a, char *word)
{
    words_add(&a->owned, word);
    return word;
}

void args_init(struct args *a)
{
    *a = (struct args){0};
}

void args_fini(struct args *a)
{
    for (size_t i = 0; i < a->owned.count; i++)
        free((char *)a->owned.at[i]);
    struct words *const all[] = {&a->position, &a->literal, &a->unknown, &a->owned};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free((void *)all[i]->at);
    free(a->given);
    args_init(a);
}

static void add_given(struct args *a, const struct given *g)
{
    if (a->given_count == a->given_room) {
        a->given_room = a->given_room ? 2 * a->given_room : 16;
        a->given = mem_resize(a->given, a->given_room * sizeof(a->given[0]));
    }
    a->given[a->given_count++] = *g;
}

/* ---- splitting ---- */

static bool requires_value(const char *word)
{
    struct opt o;
    const struct schema_row *row;
    return word && opt_find_global(word, &o, &row) && o.kind == SC_VALUE;
}

static void split_letters(struct args *a, const char *word, struct words *ret)
{
    for (const char *c = word + 1; *c; c++) {
        char *flag = mem_alloc(3);
        memcpy(flag, (char[3]){'-', *c, '\0'}, 3);
        words_add(ret, own(a, flag));
    }
}

static void split_assignment(struct args *a, const char *word, const char *eq, struct words *ret)
{
    words_add(ret, own(a, mem_dup(word, (size_t)(eq - word))));
    words_add(ret, eq + 1);
}

/* Undo -abc and --x=v; words behind `--` go to `literal`. */
static void split(struct args *a, int argc, char *const *argv, struct words *ret)
{
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const char *eq = strchr(word, '=');
        bool is_value = requires_value(i > 0 ? argv[i - 1] : NULL);
        if (strcmp(word, "--") == 0 && !is_value) {
            a->has_literal = true;
            for (i++; i < argc; i++)
                words_add(&a->literal, argv[i]);
            return;
        }
        if (!is_value && word[0] == '-' && word[1] && word[1] != '-')
            split_letters(a, word, ret);
        else if (!is_value && strncmp(word, "--", 2) == 0 && eq)
            split_assignment(a, word, eq, ret);
        else
            words_add(ret, word);
    }
}

/* ---- matching ---- */

/* Take the option at words[*i], and its value. */
static int take_option(struct args *a, const struct words *words, size_t *i, struct given *g,
                       struct err *e)
{
    const char *next = *i + 1 < words->count ? words->at[*i + 1] : NULL;
    g->typed = words->at[*i];
    if (g->opt.kind == SC_VALUE) {
        if (!next)
            return err_set(e, -EINVAL, "option `%s %s' argument missing", g->opt.flags,
                           g->opt.value);
        g->value = next;
        ++*i;
    } else if (g->opt.kind == SC_OPTIONAL && next && (next[0] != '-' || next[1] == '\0')) {
        g->value = next;
        ++*i;
    }
    add_given(a, g);
    return 0;
}

static bool looks_like_option(const char *word)
{
    return word[0] == '-' && word[1];
}

int args_parse(struct args *a, int argc, char *const *argv, struct err *e)
{
    struct words words = {0};
    int rc = 0;
    split(a, argc, argv, &words);
    for (size_t i = 0; i < words.count && rc == 0; i++) {
        struct given g = {0};
        if (opt_find_global(words.at[i], &g.opt, &g.row)) {
            rc = take_option(a, &words, &i, &g, e);
        } else if (looks_like_option(words.at[i])) {
            words_add(&a->unknown, words.at[i]);
            if (i + 1 < words.count && words.at[i + 1][0] != '-')
                words_add(&a->unknown, words.at[++i]);
        } else if (!a->command) {
            a->command = words.at[i];
        } else {
            words_add(&a->position, words.at[i]);
        }
    }
    free((void *)words.at);
    return rc;
}

static bool is_help(const char *word)
{
    return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

int args_parse_own(struct args *a, const struct opt *table, size_t count, struct err *e)
{
    struct words front = {0};
    const char *stranger = NULL;
    int rc = 0;
    for (size_t i = 0; i < a->unknown.count && rc == 0; i++) {
        const char *word = a->unknown.at[i];
        const struct opt *o = opt_find(table, count, word);
        struct given g = {0};
        if (o) {
            g.opt = *o;
            rc = take_option(a, &a->unknown, &i, &g, e);
        } else if (is_help(word)) {
            a->help = true;
        } else if (!looks_like_option(word)) {
            words_add(&front, word);
        } else {
            stranger = stranger ? stranger : word;
            i += i + 1 < a->unknown.count && a->unknown.at[i + 1][0] != '-';
        }
    }
    /* A word that waited with its option stands before the others, as in PM2. */
    for (size_t i = 0; i < a->position.count; i++)
        words_add(&front, a->position.at[i]);
    free((void *)a->position.at);
    a->position = front;
    if (rc == 0 && stranger && !a->help)
        rc = err_set(e, -EINVAL, "unknown option `%s'", stranger);
    return rc;
}

void args_take_literal(struct args *a)
{
    for (size_t i = 0; i < a->literal.count; i++)
        words_add(&a->position, a->literal.at[i]);
    a->literal.count = 0;
}

/* ---- asking ---- */

const struct given *args_given(const struct args *a, const char *flag)
{
    for (size_t i = a->given_count; i > 0; i--)
        if (opt_is(&a->given[i - 1].opt, flag))
            return &a->given[i - 1];
    return NULL;
}

const struct given *args_later(const struct args *a)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].opt.later)
            return &a->given[i];
    return NULL;
}

bool args_missing(const struct args *a, const char *usage, char *ret, size_t size)
{
    size_t needed = 0;
    for (const char *at = strchr(usage, '<'); at; at = strchr(at + 1, '<')) {
        if (needed++ < a->position.count)
            continue;
        size_t n = strcspn(at + 1, ">");
        if (n >= 3 && strncmp(at + 1 + n - 3, "...", 3) == 0)
            n -= 3;
        snprintf(ret, size, "%.*s", (int)n, at + 1);
        return true;
    }
    return false;
}

static bool gathers(const struct schema_row *row)
{
    return row->cli == SC_OPTIONAL && (row->types & ST_ARRAY);
}

static bool has_value(const struct args *a, const struct schema_row *row)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].row == row && a->given[i].value)
            return true;
    return false;
}

/* All values of a flag; `true` when it was only given bare, as --watch mostly is. */
static void write_list(const struct args *a, const struct schema_row *row, struct jw *w)
{
    if (!has_value(a, row)) {
        jw_bool(w, true);
        return;
    }
    jw_arr_begin(w);
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].row == row && a->given[i].value)
            jw_str(w, a->given[i].value);
    jw_arr_end(w);
}

static void write_value(const struct given *g, struct jw *w)
{
    AUTO_JSON value = schema_flag_value(g->row, g->value);
    if (value)
        jw_dom(w, value);
    else
        jw_str(w, g->value); /* no UTF-8: whoever reads it says so */
}

static bool is_last(const struct args *a, size_t i)
{
    for (size_t later = i + 1; later < a->given_count; later++)
        if (a->given[later].row == a->given[i].row)
            return false;
    return true;
}

void args_write_options(const struct args *a, struct jw *w)
{
    jw_obj_begin(w);
    for (size_t i = 0; i < a->given_count; i++) {
        const struct given *g = &a->given[i];
        if (!g->row || !is_last(a, i))
            continue;
        jw_key(w, g->row->name);
        if (gathers(g->row))
            write_list(a, g->row, w);
        else if (g->value)
            write_value(g, w);
        else
            jw_bool(w, g->opt.kind != SC_NO_FLAG);
    }
    jw_obj_end(w);
}
