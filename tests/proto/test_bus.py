# SPDX-License-Identifier: MIT
"""Events on pub.sock."""

import json
import os
import signal
import sys
import threading
import unittest

import amp
from world import OURS, Case, Closed, ours_only, rss_bytes, wait_until

MEGABYTE = 1 << 20

# PM2 publishes `online` before it sets that status, and the end of an ordered stop twice.
ONLINE = ("online", "online" if OURS else "launching")
STOPPING = [] if OURS else [("exit", "stopping")]


def is_event(name, status=None):
    def accept(topic, payload):
        return (topic == "process:event" and payload["event"] == name
                and (status is None or payload["process"]["status"] == status))
    return accept


def names(events):
    return [(p["event"], p["process"]["status"]) for t, p in events if t == "process:event"]


class Lifecycle(Case):
    def test_start(self):
        bus = self.world.bus()
        self.world.pm2("start", "sleep", "--", "1000")
        events = bus.until(is_event("start"), "start")
        self.assertEqual(names(events), [ONLINE, ("start", "online")])
        online, start = [p for t, p in events if t == "process:event"]
        self.assertEqual((online["manually"], start["manually"]), (False, True))
        self.assertEqual(set(start), {"event", "manually", "process", "at"})
        self.assertNotIn("env", start["process"])
        self.assertEqual((start["process"]["name"], start["process"]["pm_id"]), ("sleep", 0))
        self.assertIsInstance(start["at"], int)

    def test_stop(self):
        self.world.pm2("start", "sleep", "--", "1000")
        bus = self.world.bus()
        self.world.pm2("stop", "sleep")
        events = bus.until(is_event("stop"), "stop")
        self.assertEqual(names(events), [*STOPPING, ("exit", "stopped"), ("stop", "stopped")])

    def test_restart(self):
        self.world.pm2("start", "sleep", "--", "1000")
        bus = self.world.bus()
        self.world.pm2("restart", "sleep")
        events = bus.until(is_event("restart"), "restart")
        wanted = [*STOPPING, ("exit", "stopped"), ONLINE, ("restart", "online")]
        self.assertEqual([name for name, _ in names(events)], [name for name, _ in wanted])

    def test_crash_and_over_limit(self):
        bus = self.world.bus()
        self.world.pm2("start", "exit.sh", "--max-restarts", "3")
        # Which of the last two comes first is not promised.
        events = bus.until(is_event("exit", "errored"), "the last exit")
        if "restart overlimit" not in [name for name, _ in names(events)]:
            events += bus.until(is_event("restart overlimit"), "restart overlimit")
        found = [name for name, _ in names(events) if name != "start"]
        self.assertEqual(found[:5], ["online", "exit", "online", "exit", "online"])
        self.assertEqual(sorted(found[5:]), ["exit", "restart overlimit"])

    def test_an_end_tells_the_counts_of_the_run_that_ended(self):
        bus = self.world.bus()
        self.world.pm2("start", "exit.sh", "--max-restarts", "2")
        events = bus.until(is_event("exit", "errored"), "the last exit")
        found = {}
        for topic, payload in events:
            if topic == "process:event":
                process = payload["process"]
                found.setdefault(payload["event"], []).append(
                    (process["restart_time"], process["unstable_restarts"]))
        self.assertEqual(found["exit"][0], (0, 1))
        self.assertEqual(found["restart overlimit"], [(1, 2)])

    def test_duplicate_is_a_start(self):
        self.world.pm2("start", "sleep", "--", "1000")
        bus = self.world.bus()
        self.world.rpc().call("duplicateProcessId", 0)
        events = bus.until(is_event("start"), "start")
        self.assertEqual(events[-1][1]["process"]["pm_id"], 1)

    def test_daemons_own_lines(self):
        bus = self.world.bus()
        self.world.pm2("start", "sleep", "--", "1000")
        events = bus.until(is_event("start"), "start")
        lines = [p["data"] for t, p in events if t == "log:PM2"]
        self.assertIn("App [sleep:0] starting in -fork mode-", "".join(lines))
        self.assertIn("App [sleep:0] online", "".join(lines))

    def test_kill(self):
        self.daemon_survives = False
        self.world.pm2("start", "sleep", "--", "1000")
        bus = self.world.bus()
        self.world.pm2("kill")
        seen = bus.until(lambda topic, _: topic == "pm2:kill", "pm2:kill")
        self.assertEqual(seen[-1][1], {"status": "killed", "msg": "pm2 has been killed via CLI"})
        self.assertIn("exit", [payload.get("event") for _, payload in seen], "the apps ended before")
        self.assertTrue(bus.is_closed_by_peer())

    def test_end_by_a_signal(self):
        self.daemon_survives = False
        self.world.pm2("start", "sleep", "--", "1000")
        bus = self.world.bus()
        with open(os.path.join(self.world.home, "pm2.pid"), encoding="ascii") as pid_file:
            os.kill(int(pid_file.read()), signal.SIGTERM)
        seen = bus.until(lambda topic, payload: payload.get("event") == "exit", "the end of the app")
        kills = [payload["msg"] for topic, payload in seen if topic == "pm2:kill"]
        self.assertEqual(kills, ["pm2 has been killed by SIGNAL"], "it comes first")


class Output(Case):
    def test_log_events(self):
        bus = self.world.bus()
        self.world.pm2("start", "tick.js")
        seen = {}

        def both(topic, payload):
            seen.setdefault(topic, payload)
            return "log:out" in seen and "log:err" in seen

        bus.until(both, "both streams")
        out = seen["log:out"]
        self.assertEqual(set(out), {"process", "at", "data"})
        self.assertIn("tick ready\n", out["data"])
        self.assertEqual({k: out["process"][k] for k in ("pm_id", "name", "namespace")},
                         {"pm_id": 0, "name": "tick", "namespace": "default"})
        self.assertIn("err 1", seen["log:err"]["data"])

    @ours_only
    def test_characters_are_not_cut_in_two(self):
        bus = self.world.bus()
        self.world.pm2("start", "head -c 600000 /dev/zero | sed 's/\\x0/\u20ac/g'; echo; echo END; exec sleep 1000",
                       "--name", "euro")
        events = bus.until(lambda t, p: t == "log:out" and "END" in p["data"], "the end")
        text = "".join(p["data"] for t, p in events if t == "log:out")
        self.assertEqual(text.count("\u20ac"), 600000)
        self.assertNotIn("\ufffd", text)

    def test_messages_of_an_app(self):
        bus = self.world.bus()
        self.world.pm2("start", "message.js")
        seen = {}

        def both(topic, payload):
            if topic in ("process:msg", "greeting"):
                seen[topic] = payload
            return len(seen) == 2

        bus.until(both, "both messages")
        self.assertEqual(seen["process:msg"]["raw"], "hello")
        self.assertEqual(seen["process:msg"]["process"], {"pm_id": 0, "name": "message", "namespace": "default"})
        self.assertEqual(seen["greeting"]["data"], {"to": "bus"})

    def test_messages_of_a_cluster_worker(self):
        bus = self.world.bus()
        self.world.pm2("start", "message.js", "-i", "1")
        seen = {}

        def both(topic, payload):
            if topic in ("process:msg", "greeting"):
                seen[topic] = payload["process"]
            return len(seen) == 2

        bus.until(both, "both messages")
        stub = {"pm_id": 0, "name": "message", "namespace": "default"}
        self.assertEqual(seen["process:msg"], stub)
        self.assertEqual(seen["greeting"], {**stub, "rev": None})


class Subscribers(Case):
    def test_many(self):
        crowd = [self.world.bus() for _ in range(20)]
        self.world.pm2("start", "sleep", "--", "1000")
        for bus in crowd:
            bus.until(is_event("start"), "start")

    def test_one_that_leaves(self):
        for _ in range(20):
            self.world.bus().close()
        bus = self.world.bus()
        self.world.pm2("start", "sleep", "--", "1000")
        bus.until(is_event("start"), "start")

    @ours_only
    def test_what_they_send_does_no_harm(self):
        other = self.world.bus()
        for data in (b"x", b"\x12\xff\xff\xff\xff", amp.encode(b"j:{", b"s:1"), b"\0" * MEGABYTE):
            with self.subTest(data=data[:8]):
                bus = self.world.bus()
                try:
                    bus.send(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                self.assert_alive()
        self.world.pm2("start", "sleep", "--", "1000")
        other.until(is_event("start"), "start")

    @ours_only
    def test_numbers_for_who_asks(self):
        plain, first = self.world.bus(), self.world.bus()
        first.send(amp.encode(b"s:numbers"))
        since, last = self.numbers(first)
        self.world.pm2("start", "sleep", "--", "1000")
        seen = self.numbered(first, is_event("start"))
        self.assertEqual(seen, list(range(last + 1, last + 1 + len(seen))))
        plain.until(is_event("start"), "start, in two arguments")
        first.close()
        self.world.pm2("restart", "sleep")
        plain.until(is_event("restart"), "restart")
        again = self.world.bus()
        again.send(amp.encode(b"s:numbers"))
        same, now = self.numbers(again)
        self.assertEqual(same, since)
        self.assertGreater(now, seen[-1])

    @ours_only
    def test_numbers_begin_anew_when_nobody_has_listened(self):
        bus = self.world.bus()
        bus.send(amp.encode(b"s:numbers"))
        since, _ = self.numbers(bus)
        bus.close()
        self.world.pm2("ping")
        bus = self.world.bus()
        bus.send(amp.encode(b"s:numbers"))
        self.assertGreater(self.numbers(bus)[0], since)

    @ours_only
    def test_wishes_are_short_and_come_once(self):
        for said in (amp.encode(b"s:else") + amp.encode(b"s:numbers"),
                     amp.encode(b"s:" + b"n" * 64) + amp.encode(b"s:numbers")):
            with self.subTest(said=said[:12]):
                bus = self.world.bus()
                bus.send(said)
                self.world.pm2("start", "sleep", "--name", f"n{len(said)}", "--", "1000")
                bus.until(is_event("start"), "start, in two arguments")

    def numbers(self, bus):
        while True:
            topic, payload = bus.event()
            if topic == "pm2:numbers":
                return payload["since"], payload["last"]

    def numbered(self, bus, accept):
        """The numbers of events up to one."""
        found = []
        while True:
            topic, payload, number = bus.message(10)
            found.append(json.loads(number[2:]))
            if accept(topic[2:].decode(), json.loads(payload[2:])):
                return found

    @ours_only
    def test_one_that_does_not_read_costs_little_and_is_told(self):
        deaf = self.world.bus()
        heard = []
        reader = threading.Thread(target=self.listen, args=(self.world.bus(), heard), daemon=True)
        reader.start()
        self.world.pm2("ping")
        before = rss_bytes(self.before)
        lines = 150000  # 50,000 in a second
        flood = f"import time; [(print('\\n'.join(['x' * 99] * 500), flush=True), time.sleep(0.01))" \
            f" for _ in range({lines // 500})]; print('END', flush=True); time.sleep(1000)"
        self.world.pm2("start", sys.executable, "--interpreter", "none", "--name", "flood", "--", "-c", flood)
        wait_until(lambda: self.world.log("flood-out").endswith(b"END\n"), "the end of the flood", 60)
        self.assertEqual(self.world.log("flood-out").count(b"\n"), lines + 1)
        # LIMIT_SUB_OUT_BYTES, and what buffers need on the way
        if "ASAN_OPTIONS" not in os.environ:  # it keeps freed memory back for a while
            self.assertLess(rss_bytes(self.before) - before, 48 * MEGABYTE)
        reader.join(60)
        self.assertEqual(sum(data.count("\n") for data in heard), lines + 1, "lines for who does read")
        _, gap = deaf.until(lambda topic, _: topic == "pm2:gap", "the notice of the gap")[-1]
        self.assertGreater(gap["missed"], 0)
        self.world.pm2("start", "sleep", "--name", "later", "--", "1000")
        deaf.until(is_event("start"), "events after the gap")

    def listen(self, bus, heard):
        def is_last(topic, payload):
            if topic == "log:out" and payload["process"]["name"] == "flood":
                heard.append(payload["data"])
            return "".join(heard[-2:]).endswith("END\n")  # the last chunk may be a part of it

        bus.until(is_last, "END", 60)

    @ours_only
    def test_nobody_listens_nothing_is_built(self):
        self.world.pm2("start", "sleep", "--", "1000")
        with self.assertRaises((Closed, TimeoutError)):
            self.world.bus().message(0.3)


if __name__ == "__main__":
    unittest.main()
