/* SPDX-License-Identifier: MIT
 * Model test of app/proc_sm: random walks through a small world, every invariant after every step.
 *
 *   model_proc_sm [--seed N] [--steps N]    without a seed: another walk each time; it is printed
 *   model_proc_sm --chart                   print docs/state-machine.md */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "world.h"

#define WALK_STEPS  120  /* under surprises and orders, at most */
#define CALM_THINGS 2000 /* after that many, a calm world should have come to rest */

static void give_an_order(struct world *w)
{
    static const enum proc_event_type usual[] = {EV_START, EV_STOP, EV_RESTART};
    bool is_delete = world_random(w, 100) < 3;
    if (world_random(w, 4) == 0)
        world_new_policy(w);
    world_order(w, is_delete ? EV_DELETE : usual[world_random(w, ARRAY_LEN(usual))]);
}

/* One life: surprises and orders, then peace; in the end everybody has what they wanted. */
static void walk(struct world *w)
{
    world_begin(w);
    uint64_t orders_percent = world_random(w, 60);
    for (uint64_t n = 1 + world_random(w, WALK_STEPS); n > 0 && !w->removed; n--) {
        uint64_t dice = world_random(w, 100);
        if (dice < 2)
            world_stray_ready(w);
        else if (dice < 2 + orders_percent || !world_happen(w))
            give_an_order(w);
    }
    world_calm_down(w);
    int things = 0;
    while (world_happen(w))
        CHECK(w, ++things < CALM_THINGS);
    invariants_end(w);
    for (int order = EV_START; w->removed && order <= EV_DELETE; order++)
        world_order(w, (enum proc_event_type)order); /* invariants_action: nothing follows */
}

/* A walk that never meets a cell says nothing about it. */
static int check_coverage(const struct world *w)
{
    int missed = 0;
    for (int s = 0; s < PROC_STATE_COUNT; s++) {
        for (int e = 0; e < EV_COUNT; e++) {
            enum proc_state state = (enum proc_state)s;
            enum proc_event_type event = (enum proc_event_type)e;
            if (w->hits[s][e] > 0 || proc_sm_is_impossible(state, event))
                continue;
            fprintf(stderr, "never met: %s in %s\n", proc_event_name(event),
                    proc_state_name(state));
            missed++;
        }
    }
    return missed;
}

static void print_coverage(const struct world *w)
{
    printf("%-13s", "");
    for (int s = 0; s < PROC_STATE_COUNT; s++)
        printf("%10s", proc_state_name((enum proc_state)s));
    for (int e = 0; e < EV_COUNT; e++) {
        printf("\n%-13s", proc_event_name((enum proc_event_type)e));
        for (int s = 0; s < PROC_STATE_COUNT; s++)
            printf("%10llu", (unsigned long long)w->hits[s][e]);
    }
    printf("\n");
}

static int usage(void)
{
    fputs("usage: model_proc_sm [--seed N] [--steps N] | --chart\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t seed = (uint64_t)time(NULL);
    uint64_t steps = 400000;
    if (argc == 2 && strcmp(argv[1], "--chart") == 0) {
        chart_print();
        return 0;
    }
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--steps") == 0)
            steps = strtoull(argv[i + 1], NULL, 10);
        else
            return usage();
    }
    static struct world w;
    w.seed = w.rng = seed;
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    uint64_t walks = 0;
    for (; w.steps < steps; walks++)
        walk(&w);
    print_coverage(&w);
    printf("%llu steps in %llu walks\n", (unsigned long long)w.steps, (unsigned long long)walks);
    return check_coverage(&w) > 0 ? 1 : 0;
}
