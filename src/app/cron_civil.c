/* SPDX-License-Identifier: MIT
 * Calendar arithmetic. Years begin in March here, so that the leap day is the last of a year. */
#include "app/cron_civil.h"

#include <stdbool.h>

#define ERA_YEARS     400
#define ERA_DAYS      146097 /* of 400 years */
#define DAYS_TO_EPOCH 719468 /* from 1 March of the year 0 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t civil_to_days(struct civil d)
{
    int64_t year = d.month <= 2 ? d.year - 1 : d.year;
    int64_t era = floor_div(year, ERA_YEARS);
    int64_t year_of_era = year - era * ERA_YEARS;
    int month_from_march = (d.month + 9) % 12;
    int64_t day_of_year = (153 * month_from_march + 2) / 5 + d.day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * ERA_DAYS + day_of_era - DAYS_TO_EPOCH;
}

struct civil civil_from_days(int64_t days)
{
    days += DAYS_TO_EPOCH;
    int64_t era = floor_div(days, ERA_DAYS);
    int64_t n = days - era * ERA_DAYS;
    int64_t year_of_era = (n - n / 1460 + n / 36524 - n / 146096) / 365;
    int64_t day_of_year = n - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    struct civil d = {
        .month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9),
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
    };
    d.year = (int)(year_of_era + era * ERA_YEARS + (d.month <= 2));
    return d;
}

int civil_month_length(int year, int month)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return lengths[month - 1] + (month == 2 && is_leap);
}

int civil_weekday(int64_t days)
{
    int64_t n = days + 4; /* 1970-01-01 was a Thursday */
    return (int)(n - floor_div(n, 7) * 7);
}

int64_t civil_split(int64_t seconds, int *ret_second_of_day)
{
    int64_t days = floor_div(seconds, DAY_S);
    *ret_second_of_day = (int)(seconds - days * DAY_S);
    return days;
}
