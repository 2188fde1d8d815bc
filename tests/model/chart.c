/* SPDX-License-Identifier: MIT
 * Prints docs/state-machine.md. What a cell does comes from the matrix; where it leads is found by
 * trying every situation in which a process of that state can be. */
#include <stdio.h>
#include <string.h>

#include "world.h"

#define REMOVED PROC_STATE_COUNT /* one more place to go: ACT_REMOVE */

/* [from][event]: bit n = state n can follow */
typedef unsigned reach_table[PROC_STATE_COUNT][EV_COUNT];

static const char *state_name(int s)
{
    return s == REMOVED ? "removed" : proc_state_name((enum proc_state)s);
}

static bool is_possible(const struct proc_sm *sm)
{
    bool errored = sm->state == PROC_ERRORED;
    bool up_only =
        sm->state == PROC_STARTING || sm->state == PROC_ONLINE || sm->state == PROC_BACKOFF;
    bool has_pid = sm->state == PROC_STARTING || sm->state == PROC_ONLINE;
    bool may_have_pid = has_pid || sm->state == PROC_STOPPING || sm->stuck;
    return (!up_only || sm->goal == GOAL_UP) &&
           (sm->state != PROC_STOPPED || sm->goal == GOAL_DOWN) &&
           (!errored || sm->goal != GOAL_GONE) &&
           (!sm->stuck || (errored && sm->goal == GOAL_DOWN)) &&
           (!sm->stale || sm->state == PROC_SPAWNING) && (!has_pid || sm->has_pid) &&
           (may_have_pid || !sm->has_pid);
}

/* Bit n of `situation` decides one thing each. */
static unsigned try_one(enum proc_state from, enum proc_event_type type, unsigned situation)
{
    struct proc_sm sm = {
        .goal = (enum proc_goal)((situation & 3) % GOAL_COUNT),
        .state = from,
        .has_pid = situation & 4,
        .stale = situation & 8,
        .stuck = situation & 16,
        .kill_spent_ms = situation & 32 ? PROC_STUCK_MIN_MS : 0,
    };
    struct proc_policy policy = {
        .wait_ready = situation & 64,
        .autorestart = situation & 128,
        .max_restarts = situation & 256 ? 16 : 0,
        .restart_delay_ms = situation & 512 ? 1 : 0,
        .kill_retry_ms = 1,
    };
    if (!is_possible(&sm))
        return 0;
    struct proc_actions actions;
    struct proc_event ev = {.type = type, .is_passing = situation & 1024};
    proc_sm_step(&sm, &policy, &ev, &actions);
    bool removed = actions.count > 0 && actions.items[actions.count - 1].type == ACT_REMOVE;
    return 1u << (removed ? REMOVED : (int)sm.state);
}

static void explore(reach_table ret_reach)
{
    for (int s = 0; s < PROC_STATE_COUNT; s++) {
        for (int e = 0; e < EV_COUNT; e++) {
            ret_reach[s][e] = 0;
            for (unsigned situation = 0; situation < 2048; situation++)
                ret_reach[s][e] |= try_one((enum proc_state)s, (enum proc_event_type)e, situation);
        }
    }
}

static void print_edges(reach_table reach)
{
    printf("```mermaid\nstateDiagram-v2\n    [*] --> STOPPED\n");
    for (int from = 0; from < PROC_STATE_COUNT; from++) {
        for (int to = 0; to <= REMOVED; to++) {
            int found = 0;
            for (int e = 0; from != to && e < EV_COUNT; e++) {
                if (!(reach[from][e] & (1u << to)))
                    continue;
                if (found++ == 0)
                    printf("    %s --> %s: ", state_name(from),
                           to == REMOVED ? "[*]" : state_name(to));
                printf("%s%s", found > 1 ? ", " : "", proc_event_name((enum proc_event_type)e));
            }
            if (found)
                printf("\n");
        }
    }
    printf("```\n");
}

static void print_cell(reach_table reach, int s, int e)
{
    const struct proc_cell *cell = proc_sm_cell((enum proc_state)s, (enum proc_event_type)e);
    if (proc_sm_is_impossible((enum proc_state)s, (enum proc_event_type)e)) {
        printf(" - |");
        return;
    }
    printf(" *%s*", cell ? cell->name : "MISSING");
    const char *before = ": ";
    for (int to = 0; reach[s][e] != (1u << s) && to <= REMOVED; to++) {
        if (!(reach[s][e] & (1u << to)))
            continue;
        printf("%s%s", before, state_name(to));
        before = ", ";
    }
    printf(" |");
}

static void print_matrix(reach_table reach)
{
    printf("| event |");
    for (int s = 0; s < PROC_STATE_COUNT; s++)
        printf(" %s |", state_name(s));
    printf("\n|---|");
    for (int s = 0; s < PROC_STATE_COUNT; s++)
        printf("---|");
    for (int e = 0; e < EV_COUNT; e++) {
        printf("\n| **%s** |", proc_event_name((enum proc_event_type)e));
        for (int s = 0; s < PROC_STATE_COUNT; s++)
            print_cell(reach, s, e);
    }
    printf("\n");
}

/* Each step once, in the order of its first cell. */
static void print_steps(void)
{
    const struct proc_cell *seen[PROC_STATE_COUNT * EV_COUNT] = {0};
    size_t count = 0;
    printf("| step | what it does |\n|---|---|\n");
    for (int e = 0; e < EV_COUNT; e++) {
        for (int s = 0; s < PROC_STATE_COUNT; s++) {
            const struct proc_cell *cell =
                proc_sm_cell((enum proc_state)s, (enum proc_event_type)e);
            if (proc_sm_is_impossible((enum proc_state)s, (enum proc_event_type)e))
                continue;
            size_t i = 0;
            while (i < count && seen[i] != cell)
                i++;
            if (i < count || !cell)
                continue;
            seen[count++] = cell;
            printf("| *%s* | %s |\n", cell->name, cell->does);
        }
    }
}

static void print_words(void)
{
    printf("| state | PM2 calls it |\n|---|---|\n");
    for (int s = 0; s < PROC_STATE_COUNT; s++) {
        struct proc_sm sm = {.state = (enum proc_state)s};
        printf("| %s | `%s` |\n", state_name(s), proc_sm_public(&sm));
    }
}

void chart_print(void)
{
    reach_table reach;
    explore(reach);
    printf("# The life of one process\n\n"
           "Generated from the matrix in `src/app/proc_sm.c` by `model_proc_sm --chart`; the test\n"
           "`model.chart` fails when this file is out of step. What the states mean, and why, is\n"
           "told at the head of `src/app/proc_sm.h`.\n\n"
           "Beside its state, a process has a goal: DOWN, UP or GONE. An order sets the goal; the\n"
           "states follow. A restart is a stop whose goal is UP. After DELETE (goal GONE) further\n"
           "orders are not looked at.\n\n"
           "## Changes of state\n\n");
    print_edges(reach);
    printf(
        "\n## Every state and event\n\n"
        "The step, then the states that can follow; none where it stays as it is. `-` is a cell\n"
        "that cannot be met: the executor promises not to send that event.\n\n");
    print_matrix(reach);
    printf("\n## Steps\n\n");
    print_steps();
    printf("\n## Words\n\n");
    print_words();
}
