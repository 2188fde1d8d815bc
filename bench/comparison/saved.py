# SPDX-License-Identifier: MIT
"""Scenarios of the saved list."""

from .configured import write_file

SAVED = 200


def resurrect(bench):
    """Different apps, because PM2 restores each process of one by a call of its own in any case. The
    manager runs already: what is measured is the list."""
    for _, side in bench.rounds(f"{SAVED} saved apps"):
        side.up()
        side.run("start", write_file(side, SAVED))
        side.online_pids(SAVED)
        bench.add("save-200", side, *side.timed_ms(bench.plan.commands, "save"))
        side.down()
        side.up()
        bench.add("resurrect-200", side, *side.timed_ms(1, "resurrect"))
        side.online_pids(SAVED)
        side.down()


SCENARIOS = (
    (resurrect, {"save-200", "resurrect-200"}),
)
