/* SPDX-License-Identifier: MIT
 * Addresses to listen on. Pure. */
#include "app/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "json/read.h"

#define UNIX_PREFIX "unix:"
#define FORMS       "a port, \"host:port\", \"[v6]:port\" or \"unix:/path\""

static int bad_form(const char *text, struct err *e)
{
    return err_set(e, -EINVAL, "\"listen\": \"%.100s\" is none of " FORMS, text);
}

/* ---- one address ---- */

static int parse_port(const char *text, const char *digits, int *ret, struct err *e)
{
    size_t n = strspn(digits, "0123456789");
    if (n == 0 || digits[n] != '\0')
        return bad_form(text, e);
    long port = n <= 5 ? strtol(digits, NULL, 10) : 0;
    if (n <= 5 && port == 0)
        return err_set(e, -EINVAL,
                       "\"listen\": \"%.100s\": port 0 is a different one each time; name a port",
                       text);
    if (port < 1 || port > 65535)
        return err_set(e, -EINVAL, "\"listen\": \"%.100s\": a port is a number from 1 to 65535",
                       text);
    *ret = (int)port;
    return 0;
}

static int parse_unix(const char *text, struct listen_address *ret, struct err *e)
{
    const char *path = text + sizeof(UNIX_PREFIX) - 1;
    if (path[0] != '/' || path[strlen(path) - 1] == '/')
        return err_set(e, -EINVAL,
                       "\"listen\": \"%.100s\" must be unix: and the absolute path of a socket",
                       text);
    if (strlen(path) > LIMIT_SOCKET_PATH)
        return err_set(
            e, -ENAMETOOLONG,
            "\"listen\": \"%.200s\": the path of a socket has at most %d bytes, this one "
            "%zu",
            text, LIMIT_SOCKET_PATH, strlen(path));
    ret->kind = LISTEN_UNIX;
    ret->path = path;
    return 0;
}

/* In one spelling: "[0:0::1]" is "[::1]". */
static bool set_v6(struct listen_address *a, struct str host)
{
    char text[sizeof(a->host)];
    struct in6_addr number;
    size_t scope_at = 0;
    if (host.n >= sizeof(text))
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    scope_at = strcspn(text, "%");
    char scope[sizeof(text)];
    memcpy(scope, text + scope_at, host.n - scope_at + 1);
    text[scope_at] = '\0';
    if (inet_pton(AF_INET6, text, &number) != 1 || strcmp(scope, "%") == 0)
        return false;
    inet_ntop(AF_INET6, &number, a->host, sizeof(a->host));
    size_t n = strlen(a->host);
    if (n + strlen(scope) >= sizeof(a->host))
        return false;
    memcpy(a->host + n, scope, strlen(scope) + 1);
    a->kind = LISTEN_V6;
    return true;
}

static bool set_v4(struct listen_address *a, struct str host)
{
    struct in_addr number;
    char text[sizeof(a->host)];
    if (str_eq_c(host, "localhost"))
        host = STR("127.0.0.1");
    if (host.n >= sizeof(text))
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    if (inet_pton(AF_INET, text, &number) != 1)
        return false;
    inet_ntop(AF_INET, &number, a->host, sizeof(a->host));
    a->kind = LISTEN_V4;
    return true;
}

int listen_parse(const char *text, struct listen_address *ret, struct err *e)
{
    *ret = (struct listen_address){.kind = LISTEN_ANY};
    if (strncmp(text, UNIX_PREFIX, sizeof(UNIX_PREFIX) - 1) == 0)
        return parse_unix(text, ret, e);
    const char *colon = strrchr(text, ':');
    if (!colon)
        return parse_port(text, text, &ret->port, e);
    struct str host = {text, (size_t)(colon - text)};
    bool is_v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
    bool is_any = host.n == 0 || str_eq_c(host, "*");
    if (is_v6 && !set_v6(ret, (struct str){host.p + 1, host.n - 2}))
        return bad_form(text, e);
    if (!is_v6 && !is_any && !set_v4(ret, host)) {
        if (memchr(host.p, ':', host.n))
            return err_set(e, -EINVAL,
                           "\"listen\": \"%.100s\": an IPv6 address stands in [brackets]", text);
        if (colon[1] >= '0' && colon[1] <= '9')
            return err_set(e, -EINVAL,
                           "\"listen\": \"%.100s\": give the host as an address, not by its name",
                           text);
        return bad_form(text, e);
    }
    return parse_port(text, colon + 1, &ret->port, e);
}

void listen_write(const struct listen_address *a, struct buf *out)
{
    switch (a->kind) {
    case LISTEN_ANY: buf_printf(out, "%d", a->port); break;
    case LISTEN_V4: buf_printf(out, "%s:%d", a->host, a->port); break;
    case LISTEN_V6: buf_printf(out, "[%s]:%d", a->host, a->port); break;
    case LISTEN_UNIX: buf_printf(out, UNIX_PREFIX "%s", a->path); break;
    }
}

/* What systemd allows in a name: ASCII without control characters and ':'. */
void listen_write_name(const struct listen_address *a, struct buf *out)
{
    if (a->kind != LISTEN_UNIX) {
        buf_printf(out, "%d", a->port);
        return;
    }
    for (const char *p = strrchr(a->path, '/') + 1; *p; p++)
        buf_add_byte(out, *p <= ' ' || *p >= 127 || *p == ':' ? '_' : *p);
}

/* ---- lists ---- */

static bool is_listed(const json_t *list, const char *text)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), text) == 0)
            return true;
    return false;
}

static int add_address(json_t *list, const char *text, struct err *e)
{
    AUTO(buf) plain = BUF_INIT;
    struct listen_address a;
    int rc = listen_parse(text, &a, e);
    if (rc < 0)
        return rc;
    listen_write(&a, &plain);
    if (buf_oom(&plain))
        return -ENOMEM;
    if (is_listed(list, plain.data))
        return err_set(e, -EINVAL, "\"listen\" has %.200s twice", plain.data);
    if (json_array_size(list) >= LIMIT_LISTEN)
        return err_set(e, -EINVAL, "\"listen\" has more than %d addresses", LIMIT_LISTEN);
    return json_array_append_new(list, json_string(plain.data)) < 0 ? -ENOMEM : 0;
}

static int add_words(json_t *list, const char *text, struct err *e)
{
    static const char blanks[] = ", \t\r\n";
    for (text += strspn(text, blanks); *text; text += strspn(text, blanks)) {
        size_t n = strcspn(text, blanks);
        char *word = strndup(text, n);
        int rc = word ? add_address(list, word, e) : -ENOMEM;
        free(word);
        if (rc < 0)
            return rc;
        text += n;
    }
    return 0;
}

static int add_number(json_t *list, const json_t *value, struct err *e)
{
    AUTO(buf) text = BUF_INIT;
    if (json_is_integer(value))
        buf_printf(&text, "%lld", (long long)json_integer_value(value));
    else
        buf_printf(&text, "%.17g", json_real_value(value));
    return buf_oom(&text) ? -ENOMEM : add_address(list, text.data, e);
}

static int add_value(json_t *list, const json_t *value, bool is_element, struct err *e)
{
    if (json_is_number(value))
        return add_number(list, value, e);
    if (!json_is_string(value))
        return err_set(e, -EINVAL, "\"listen\": an address is text or a number");
    if (is_element) /* of a list: taken as it is, a path may have blanks */
        return add_address(list, json_string_value(value), e);
    return add_words(list, json_string_value(value), e);
}

json_t *listen_convert(const json_t *value, struct err *e)
{
    AUTO_JSON list = json_array();
    struct err local = {0};
    bool is_list = json_is_array(value);
    size_t n = is_list ? json_array_size(value) : 1;
    int rc = list ? 0 : -ENOMEM;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_value(list, is_list ? json_array_get(value, i) : value, is_list, &local);
    if (rc == 0 && json_array_size(list) == 0)
        rc = err_set(&local, -EINVAL, "\"listen\" is empty; give " FORMS);
    if (rc == 0)
        return json_incref(list);
    if (local.code)
        err_set(e, local.code, "%s", local.msg);
    return NULL;
}

size_t listen_count(const json_t *conf)
{
    return json_array_size(json_object_get(conf, "listen"));
}

const char *listen_text(const json_t *conf, size_t i)
{
    return json_string_value(json_array_get(json_object_get(conf, "listen"), i));
}
