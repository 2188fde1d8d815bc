/* SPDX-License-Identifier: MIT
 * Dates of the Gregorian calendar as days since 1970-01-01. Pure arithmetic. */
#pragma once

#include <stdint.h>

#define DAY_S 86400

struct civil {
    int year, month, day; /* month 1..12, day 1..31 */
};

int64_t civil_to_days(struct civil d);
struct civil civil_from_days(int64_t days);
int civil_month_length(int year, int month);
/* 0 = Sunday */
int civil_weekday(int64_t days);
/* Days and the rest of a number of seconds, which may be negative. */
int64_t civil_split(int64_t seconds, int *ret_second_of_day);
