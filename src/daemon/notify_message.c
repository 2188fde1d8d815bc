/* SPDX-License-Identifier: MIT
 * The text of sd_notify's datagrams. */
#include "notify_message.h"

#include <limits.h>

#define APP_GROUP "app-"

void notify_message_read(struct str datagram, struct notify_message *ret)
{
    static const struct str status = {"STATUS=", 7};
    struct str rest = datagram;
    *ret = (struct notify_message){0};
    while (rest.n > 0) {
        struct str line;
        if (!str_cut_line(&rest, &line)) {
            line = rest;
            rest.n = 0;
        }
        if (str_eq_c(line, "READY=1")) {
            ret->is_ready = true;
        } else if (str_starts(line, status)) {
            ret->has_status = true;
            ret->status = (struct str){line.p + status.n, line.n - status.n};
        }
    }
}

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

void notify_add_shown(struct buf *out, struct str text, size_t max_bytes)
{
    size_t n = text.n;
    if (n > max_bytes) {
        n = max_bytes;
        while (n > 0 && is_inside_character(text.p[n]))
            n--;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        buf_add_byte(out, c < ' ' || c == 0x7f ? ' ' : (char)c);
    }
}

int notify_cgroup_app(struct str line, const char *base, unsigned *ret_slot)
{
    size_t base_n = strlen(base);
    for (size_t i = 0; i + 1 + base_n < line.n; i++) {
        struct str rest = {line.p + i, line.n - i};
        if (rest.p[0] != '/' || strncmp(rest.p + 1, base, base_n) != 0)
            continue;
        rest = (struct str){rest.p + 1 + base_n, rest.n - 1 - base_n};
        if (!str_starts(rest, STR("/" APP_GROUP)))
            continue;
        rest = (struct str){rest.p + sizeof(APP_GROUP), rest.n - sizeof(APP_GROUP)};
        size_t digits = 0;
        while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
            digits++;
        long long id;
        struct str id_text = {rest.p, digits};
        *ret_slot = str_starts((struct str){rest.p + digits, rest.n - digits}, STR(".1"));
        digits += *ret_slot ? 2 : 0;
        bool ends = digits == rest.n || rest.p[digits] == '/' || rest.p[digits] == '\n';
        if (ends && str_to_int(id_text, &id) && id <= INT_MAX)
            return (int)id;
    }
    return -1;
}
