/* SPDX-License-Identifier: MIT
 * URL, request and status line. */
#include "probe_http_text.h"

#include <errno.h>

#define SCHEME       "http://"
#define VERSION      "HTTP/1."
#define STATUS_AT    (sizeof(VERSION "x ") - 1)
#define STATUS_BYTES 3

int probe_url_read(struct str url, struct probe_url *ret)
{
    static const size_t scheme = sizeof(SCHEME) - 1;
    if (!str_starts(url, STR(SCHEME)))
        return -EINVAL;
    struct str rest = {url.p + scheme, url.n - scheme};
    size_t n = 0;
    while (n < rest.n && !strchr("/?#", rest.p[n]))
        n++;
    ret->authority = (struct str){rest.p, n};
    size_t end = n;
    while (end < rest.n && rest.p[end] != '#')
        end++;
    ret->target = (struct str){rest.p + n, end - n};
    if (n > 0 && memchr(rest.p, '@', n)) /* a password: there is nothing here that could send it */
        return -EINVAL;
    return dial_split(ret->authority, 80, ret->host, &ret->port);
}

void probe_request_write(struct buf *out, const struct probe_url *url)
{
    buf_add_c(out, "GET ");
    if (url->target.n == 0 || url->target.p[0] != '/')
        buf_add_byte(out, '/');
    buf_add_str(out, url->target);
    buf_add_c(out, " HTTP/1.1\r\nHost: ");
    buf_add_str(out, url->authority);
    buf_add_c(out, "\r\nUser-Agent: pm2c-health\r\nAccept: */*\r\nConnection: close\r\n\r\n");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 204 No Content": the number, or -EPROTO. */
static int status_of_line(struct str line)
{
    if (line.n < STATUS_AT + STATUS_BYTES || !str_starts(line, STR(VERSION)) ||
        !is_digit(line.p[STATUS_AT - 2]) || line.p[STATUS_AT - 1] != ' ')
        return -EPROTO;
    int status = 0;
    for (size_t i = STATUS_AT; i < STATUS_AT + STATUS_BYTES; i++) {
        if (!is_digit(line.p[i]))
            return -EPROTO;
        status = status * 10 + (line.p[i] - '0');
    }
    bool ends =
        line.n == STATUS_AT + STATUS_BYTES || strchr(" \r", line.p[STATUS_AT + STATUS_BYTES]);
    return ends && status >= 100 ? status : -EPROTO;
}

/* Past the blank line that ends a head. False: it is not there yet. */
static bool skip_head(struct str *rest)
{
    struct str line;
    while (str_cut_line(rest, &line))
        if (line.n == 0 || str_eq_c(line, "\r"))
            return true;
    return false;
}

int probe_answer_status(struct str received)
{
    struct str rest = received;
    struct str line;
    for (;;) {
        size_t known = rest.n < sizeof(VERSION) - 1 ? rest.n : sizeof(VERSION) - 1;
        if (known > 0 && memcmp(rest.p, VERSION, known) != 0)
            return -EPROTO; /* seen at once, however long its line is */
        if (!str_cut_line(&rest, &line))
            return 0;
        int status = status_of_line(line);
        if (status < 0 || status >= 200)
            return status;
        if (!skip_head(&rest))
            return 0;
    }
}
