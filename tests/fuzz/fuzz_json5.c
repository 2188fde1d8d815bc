/* SPDX-License-Identifier: MIT
 * JSON5: what strict JSON accepts reads the same here; whatever is read can be written as strict
 * JSON, which then reads the same; lines are within the text. */
#include "fuzz.h"
#include "json/json5.h"
#include "json/read.h"
#include "json/write.h"

static void write_value(struct buf *out, const json_t *value)
{
    struct jw w = jw_to(out);
    jw_dom(&w, value);
    CHECK(!buf_oom(out));
}

/* Numbers as JavaScript compares them: how large an integer may be differs between the readers. */
static bool same(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) == json_number_value(b);
    if (json_is_object(a) && json_is_object(b)) {
        json_object_foreach ((json_t *)a, key, item)
            if (!same(item, json_object_get(b, key)))
                return false;
        return json_object_size(a) == json_object_size(b);
    }
    if (json_is_array(a) && json_is_array(b)) {
        json_array_foreach (a, i, item)
            if (!same(item, json_array_get(b, i)))
                return false;
        return json_array_size(a) == json_array_size(b);
    }
    return json_equal(a, b);
}

static void check_lines(const json_t *lines, const uint8_t *data, size_t size)
{
    json_int_t last = 1;
    for (size_t i = 0; i < size; i++)
        last += data[i] == '\n';
    const char *path;
    json_t *line;
    json_object_foreach ((json_t *)lines, path, line)
        CHECK(json_integer_value(line) >= 1 && json_integer_value(line) <= last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct err e = {0};
    AUTO_JSON lines = json_object();
    AUTO_JSON value = json5_read(text, lines, &e);
    AUTO_JSON strict = json_read(text, NULL);
    CHECK(value ? e.code == 0 : e.code < 0 && e.msg[0]);
    CHECK(value || !strict);
    check_lines(lines, data, size);
    if (!value)
        return 0;
    AUTO(buf) once = BUF_INIT;
    AUTO(buf) again = BUF_INIT;
    write_value(&once, value);
    AUTO_JSON reread = json5_read(buf_str(&once), NULL, &e);
    CHECK(reread);
    write_value(&again, reread);
    CHECK(str_eq(buf_str(&once), buf_str(&again)));
    CHECK(!strict || same(value, strict));
    return 0;
}
