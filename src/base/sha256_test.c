/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/sha256.h"

static void expect(struct str text, const char *want)
{
    char got[SHA256_HEX_BYTES];
    sha256_hex(text, got);
    assert_string_equal(got, want);
}

/* The examples of FIPS 180-4, and what sha256sum says of lengths around the end of a block. */
static void known_texts(void **state)
{
    (void)state;
    static const char alphabet[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    char many[200];
    memset(many, 'a', sizeof(many));
    expect((struct str){NULL, 0},
           "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(str_from(alphabet), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect((struct str){many, 55},
           "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
    expect((struct str){many, 56},
           "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
    expect((struct str){many, 64},
           "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
    expect((struct str){many, 200},
           "c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
