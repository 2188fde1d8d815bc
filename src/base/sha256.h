/* SPDX-License-Identifier: MIT
 * SHA-256 of a text that is in memory (FIPS 180-4), for checksums that `sha256sum -c` can verify.
 * Not made for secrets. */
#pragma once

#include "base/str.h"

#define SHA256_HEX_BYTES 65 /* 64 digits and a NUL */

void sha256_hex(struct str text, char ret[SHA256_HEX_BYTES]);
