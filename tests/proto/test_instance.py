# SPDX-License-Identifier: MIT
"""Lines on the instance socket. The test is a process of our own user: it says whose it is."""

import fcntl
import json
import os
import resource
import signal
import socket
import struct
import termios
import threading
import time
import unittest

import amp
from world import OURS, Case, Closed, RpcError, rss_bytes, state, wait_until

MEGABYTE = 1 << 20
CONNECTIONS = 64
STRANGERS = 64
ALL = 2048


class Talk:
    """One connection."""

    def __init__(self, world, ident=None):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        amp.connect(self.sock, os.path.join(world.home, "instance.sock"))
        self.pending = b""
        world.wires.append(self)
        if ident is not None:
            self.say("pm2:process", {"pm_id": ident})

    def line(self, text):
        self.sock.sendall(text.encode() + b"\n")

    def say(self, kind, data):
        self.line(json.dumps({"type": kind, "data": data}))

    def hear(self, seconds=10):
        """The next line that is not blank."""
        self.sock.settimeout(seconds)
        while True:
            line, newline, rest = self.pending.partition(b"\n")
            if newline:
                self.pending = rest
                if line.strip():
                    return json.loads(line)
                continue
            try:
                got = self.sock.recv(65536)
            except ConnectionError as error:
                raise Closed() from error
            if not got:
                raise Closed()
            self.pending += got

    def is_read(self):
        """The other side has read all that was sent (SIOCOUTQ, unix(7))."""
        return struct.unpack("i", fcntl.ioctl(self.sock, termios.TIOCOUTQ, bytes(4)))[0] == 0

    def close(self):
        self.sock.close()


class Instance(Case):
    def setUp(self):
        super().setUp()
        self.world.pm2("start", "sleep", "--name", "app", "--", "1000")
        self.rpc = self.world.rpc()

    def talk(self, ident=0):
        return Talk(self.world, ident)

    def env(self, ident=0):
        return next(p["pm2_env"] for p in self.rpc.call("getMonitorData", {})
                    if p["pm_id"] == ident)

    def send(self, data, ident=0):
        packet = {"id": ident, "topic": "t", "data": data}
        return self.rpc.call("sendDataToProcessId", packet)

    def heard_by(self, talk):
        """Have the daemon answer something to it: what was said before has been taken."""
        talk.line("7")
        self.assertIn("got Number", talk.hear()["data"]["message"])

    def is_let_in(self, ident=0):
        """The end of another one may be seen after it has come."""
        talk = self.talk(ident)
        talk.line("7")
        return "got Number" in talk.hear()["data"]["message"]


@unittest.skipUnless(OURS, "PM2 has none")
class Words(Instance):
    def test_metrics_and_actions_are_shown(self):
        talk = self.talk()
        talk.say("axm:monitor", {"queue": {"value": 3, "unit": "jobs"}})
        talk.say("axm:monitor", {"plain": 4})
        talk.say("axm:action", {"action_name": "gc", "arity": 1})
        talk.say("axm:option:configuration", {"module_name": "mine"})
        self.heard_by(talk)
        env = self.env()
        self.assertEqual(env["axm_monitor"], {"queue": {"value": 3, "unit": "jobs"}, "plain": 4})
        self.assertEqual(env["axm_actions"], [{"action_name": "gc", "arity": 1}])
        self.assertEqual(env["axm_options"], {"module_name": "mine"})
        shown = self.world.pm2("describe", "app").stdout
        for text in ("gc", "queue", "3 jobs"):
            self.assertIn(text, shown)

    def test_events(self):
        bus = self.world.bus()
        talk = self.talk()
        who = {"pm_id": 0, "name": "app", "namespace": "default"}
        for kind, data in [("process:msg", {"success": True}), ("orders", [1, "x"]),
                           ("process:exception", {"message": "m", "stack": "s", "name": "E"}),
                           ("process:msg", "zażółć \U0001f600")]:
            talk.say(kind, data)
            topic, payload = bus.until(lambda t, p, k=kind: t == k, kind)[-1]
            self.assertEqual(payload["data"], data)
            self.assertEqual(payload["process"], who)
            self.assertIsInstance(payload["at"], int)

    def test_ready(self):
        starter = threading.Thread(target=self.world.pm2, args=(
            "start", "sleep", "--name", "late", "--wait-ready", "--listen-timeout", "60000", "--", "1000"))
        starter.start()
        wait_until(lambda: self.status(1) == "launching", "start")
        talk = Talk(self.world)
        talk.line('{"type":"pm2:process","data":{"pm_id":1}}\n"ready"')
        wait_until(lambda: self.status(1) == "online", "online")
        starter.join()

    def test_data_and_actions_come(self):
        talk = self.talk()
        talk.say("axm:action", {"action_name": "add"})
        self.heard_by(talk)
        packet = {"id": 0, "topic": "t", "data": {"a": [1]}, "type": "process:msg"}
        self.assertEqual(self.rpc.call("sendDataToProcessId", packet), {"success": True, "data": packet})
        self.assertEqual(talk.hear(), packet)
        call = self.rpc.request("c.trigger", {"target": "app", "action": "add", "params": "5"})
        request = talk.hear()
        self.assertEqual((request["msg"], request["opts"]), ("add", "5"))
        talk.say("axm:reply", {"action_name": "add", "return": 12})
        reply = self.rpc.reply(call)["args"][0]["replies"][0]
        self.assertEqual(reply["data"]["return"], 12)
        self.rpc.call("msgProcess", {"id": 0, "msg": "add"})
        self.assertEqual(talk.hear(), "add")  # a bare one, as on Node's channel

    def test_mistakes_are_told(self):
        talk = self.talk()
        for line, message in [
                ("{", "that is not JSON"), ("\0", "that is not JSON"), ("[" * 1000, "that is not JSON"),
                ("7", "got Number"), ('"no"', 'the only word is "ready"'),
                ('{"type":"axm:no","data":{}}', "axm:no: no such type"),
                ('{"type":"log:out","data":"x"}', "log:out: no such type"),
                ('{"type":"axm:monitor","data":"x"}', "expected an object, got String"),
                ('{"cmd":"NODE_CLUSTER","act":"online"}', "Node's own"),
                ("x" * (16 * MEGABYTE + 1), "too long")]:
            talk.line(line)
            error = talk.hear()
            self.assertEqual(error["type"], "error", line[:80])
            self.assertIn(message, error["data"]["message"])
            self.assertTrue(line.startswith(error["data"].get("line", "")))
        talk.sock.sendall(b'  \n\n\r\n{"type":"axm:monitor","data":{"n":1}} \r\n')
        wait_until(lambda: self.env()["axm_monitor"] == {"n": 1}, "the connection goes on")

    def test_pieces_and_the_last_line(self):
        talk = self.talk()
        for byte in b'{"type":"axm:monitor","data":{"slow":1}}\n':
            talk.sock.send(bytes([byte]))
        wait_until(lambda: "slow" in self.env()["axm_monitor"], "one byte at a time")
        talk.sock.sendall(b'{"type":"axm:monitor","data":{"last":1}}')
        talk.close()
        wait_until(lambda: "last" in self.env()["axm_monitor"], "a last line without its newline")
        half = self.talk()
        half.sock.sendall(b'{"type":"axm:monitor","data":{"half":')
        half.close()
        other = self.talk()
        self.heard_by(other)
        self.assertNotIn("half", self.env()["axm_monitor"])

    def test_many_actions(self):
        talk = self.talk()
        for number in range(1030):
            talk.say("axm:action", {"action_name": f"a{number}"})
        talk.say("axm:action", {"action_name": "big", "opts": "x" * 17000})
        self.heard_by(talk)
        self.assertEqual(len(self.env()["axm_actions"]), 1024)
        self.world.pm2("start", "sleep", "--name", "two", "--", "1000")
        two = self.talk(1)
        two.say("axm:action", {"action_name": "big", "opts": "x" * 17000})
        two.say("axm:monitor", {"big": "x" * MEGABYTE})
        self.heard_by(two)
        self.assertEqual(self.env(1)["axm_actions"], [])
        self.assertEqual(self.env(1)["axm_monitor"], {})


@unittest.skipUnless(OURS, "PM2 has none")
class Connections(Instance):
    def test_each_gets_what_is_for_it(self):
        one, two = self.talk(), self.talk()
        one.say("axm:action", {"action_name": "first"})
        two.say("axm:action", {"action_name": "second"})
        two.say("axm:action", {"action_name": "first"})
        self.heard_by(one)
        self.heard_by(two)
        self.rpc.call("msgProcess", {"id": 0, "msg": "second"})
        self.assertEqual(two.hear(), "second")
        self.rpc.call("msgProcess", {"name": "app", "msg": "first"})
        self.assertEqual((one.hear(), two.hear()), ("first", "first"))
        self.send(5)
        self.assertEqual((one.hear()["data"], two.hear()["data"]), (5, 5))
        one.close()
        self.send(6)
        self.assertEqual(two.hear()["data"], 6)
        self.rpc.call("msgProcess", {"id": 0, "msg": "first"})
        self.assertEqual(two.hear(), "first")

    def test_who_is_unknown(self):
        for data, message in [({"pm_id": 9}, "process 9 is not in the list"),
                              ({"pm_id": -1}, "is not in the list"),
                              ({"pm_id": 2**40}, "is not in the list")]:
            talk = Talk(self.world)
            talk.say("pm2:process", data)
            self.assertIn(message, talk.hear()["data"]["message"])
            self.assertRaises(Closed, talk.hear)
        talk = Talk(self.world)
        talk.line('"ready"')
        self.assertIn("whose process", talk.hear()["data"]["message"])
        self.assertRaises(Closed, talk.hear)
        talk = self.talk()
        talk.say("pm2:process", {"pm_id": 0})
        self.heard_by(talk)
        talk.say("pm2:process", {"pm_id": 1})
        self.assertIn("a process of app", talk.hear()["data"]["message"])
        self.assertRaises(Closed, talk.hear)
        self.world.pm2("stop", "app")
        talk = self.talk()
        self.assertIn("is not running", talk.hear()["data"]["message"])

    def test_too_many_of_one_process(self):
        talks = [self.talk() for _ in range(CONNECTIONS)]
        for talk in talks:
            self.heard_by(talk)
        refused = self.talk()
        self.assertIn("64 connections already", refused.hear()["data"]["message"])
        self.assertRaises(Closed, refused.hear)
        self.world.pm2("start", "sleep", "--name", "other", "--", "1000")
        self.heard_by(self.talk(1))
        talks[5].close()
        wait_until(self.is_let_in, "a place that has become free")

    def test_too_many_strangers(self):
        talks = [Talk(self.world) for _ in range(STRANGERS + 1)]
        self.assertIn("too many others", talks[0].hear()["data"]["message"])
        self.assertRaises(Closed, talks[0].hear)
        talks[1].say("pm2:process", {"pm_id": 0})
        self.heard_by(talks[1])

    def test_too_many_of_all(self):
        count = ALL // CONNECTIONS + 1
        self.world.pm2("start", "sleep", "--name", "many", "-i", str(count), "--", "1000")
        talks = [self.talk(1 + number % count) for number in range(ALL)]
        for talk in talks:
            self.heard_by(talk)
        refused = Talk(self.world)  # it may be closed before it could say a word
        self.assertIn("2048 connections already", refused.hear()["data"]["message"])
        self.assertRaises(Closed, refused.hear)
        self.assertEqual(self.world.rpc().call("ping", {}), {"msg": "pong"})
        talks[0].close()
        wait_until(self.is_let_in, "a place that has become free")

    def test_the_end_of_the_process_ends_them(self):
        talk = self.talk()
        self.heard_by(talk)
        self.world.pm2("restart", "app")
        self.assertRaises(Closed, talk.hear)
        again = self.talk()
        self.heard_by(again)
        self.world.pm2("delete", "app")
        self.assertRaises(Closed, again.hear)

    def test_without_descriptors(self):
        pid = self.world.daemon_pid()
        used = len(os.listdir(f"/proc/{pid}/fd"))
        limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 2, limits[1]))
        try:
            talks = [Talk(self.world) for _ in range(8)]
            self.assertRaises(Closed, talks[-1].hear)
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        self.heard_by(self.talk())


@unittest.skipUnless(OURS, "PM2 has none")
class Pressure(Instance):
    def test_one_that_does_not_read(self):
        deaf, hears = self.talk(), self.talk()
        for talk in (deaf, hears):
            self.heard_by(talk)
        before = rss_bytes(self.world.daemon_pid())
        for number in range(40):
            self.send({"n": number, "fill": "x" * 100000})
            self.assertEqual(hears.hear()["data"]["n"], number)
        hears.close()
        wait_until(lambda: self.is_refused("x" * 100000), "the cap")
        self.assert_grown_little(before)
        deaf.say("axm:monitor", {"n": 1})  # it is heard all the same
        wait_until(lambda: self.env()["axm_monitor"] == {"n": 1}, "metrics of the deaf")
        self.assertEqual(deaf.hear()["data"]["n"], 0)

    def assert_grown_little(self, before):
        if "ASAN_OPTIONS" not in os.environ:  # it keeps freed memory back for a while
            self.assertLess(rss_bytes(self.before) - before, 16 * MEGABYTE)

    def is_refused(self, data):
        try:
            self.send(data)
        except RpcError as error:
            return "does not read" in str(error)
        return False

    def test_mistakes_without_end(self):
        talk = self.talk()
        self.heard_by(talk)
        before = rss_bytes(self.world.daemon_pid())
        for _ in range(64):
            talk.sock.sendall(b"nonsense\n" * 7000)
        talk.say("axm:monitor", {"n": 1})
        wait_until(lambda: self.env()["axm_monitor"] == {"n": 1}, "end of the nonsense")
        self.assert_grown_little(before)

    def test_a_flood_leaves_room_for_others(self):
        ending = threading.Event()
        self.world.pm2("start", "sleep", "--name", "calm", "--", "1000")
        calm = self.talk(1)
        self.heard_by(calm)
        line = json.dumps({"type": "orders", "data": {"x": "y" * 100}}).encode() + b"\n"

        def flood(talk):
            while not ending.is_set():
                talk.sock.sendall(line * 500)

        threads = [threading.Thread(target=flood, args=(self.talk(),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for number in range(30):
                before = time.monotonic()
                self.send(number, 1)
                self.assertEqual(calm.hear()["data"], number)
                self.assertLess(time.monotonic() - before, 3)
        finally:
            ending.set()
            for thread in threads:
                thread.join()


@unittest.skipUnless(OURS, "PM2 has none")
class Deaths(Instance):
    daemon_survives = False

    def die(self, *pids):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        wait_until(self.answers, "another daemon")
        self.rpc = self.world.rpc()

    def answers(self):
        self.world.pm2("ping")
        try:
            pid = self.world.daemon_pid()
        except AssertionError:
            return False
        is_new, self.before = pid != self.before, pid
        return is_new

    def keeper_pid(self):
        with open(os.path.join(self.world.home, "pm2.pid"), encoding="ascii") as pid_file:
            return int(pid_file.read() or 0)  # empty while it is written

    def test_of_pm2d_is_not_noticed(self):
        talk = self.talk()
        talk.say("axm:action", {"action_name": "gc", "comment": "c"})
        self.heard_by(talk)
        for number in range(3):
            talk.sock.sendall(b'{"type":"axm:monitor","data":{"lost":')
            wait_until(talk.is_read, "half a line read, which goes with the daemon")
            self.send(number)
            self.assertEqual(talk.hear()["data"], number)
            self.die(self.world.daemon_pid())
            talk.sock.sendall(b'1}}\n')
            talk.say("axm:monitor", {"n": number})
            wait_until(lambda n=number: self.env()["axm_monitor"] == {"n": n}, "metrics")
            self.assertEqual(self.env()["axm_actions"], [{"action_name": "gc", "comment": "c"}])
            self.rpc.call("msgProcess", {"id": 0, "msg": "gc"})
            self.assertEqual(talk.hear(), "gc")
        self.world.pm2("restart", "app")
        self.assertRaises(Closed, talk.hear)
        self.die(self.world.daemon_pid())
        self.assertEqual(self.env()["axm_actions"], [])

    def test_said_while_nobody_is_there(self):
        talk = self.talk()
        self.heard_by(talk)
        pid = self.world.daemon_pid()
        os.kill(pid, signal.SIGSTOP)
        talk.say("axm:monitor", {"n": 1})
        late = self.talk()
        late.say("axm:monitor", {"late": 1})
        self.die(pid)
        wait_until(lambda: self.env()["axm_monitor"] == {"n": 1, "late": 1}, "what was said")
        self.heard_by(late)

    def test_of_the_keeper_and_then_of_pm2d(self):
        talk = self.talk()
        self.heard_by(talk)
        old = self.keeper_pid()
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: self.keeper_pid() not in (0, old), "another keeper")
        self.heard_by(talk)
        self.die(self.world.daemon_pid())
        self.heard_by(talk)
        self.heard_by(self.talk())

    def test_of_both_closes_and_the_address_stays(self):
        talk = self.talk()
        self.heard_by(talk)
        pid = self.world.daemon_pid()
        os.kill(pid, signal.SIGSTOP)  # or it has another keeper before it dies
        wait_until(lambda: state(pid) == "T", "it stands still")
        self.die(self.keeper_pid(), pid)
        self.assertRaises(Closed, talk.hear)
        self.heard_by(self.talk())

    def test_update(self):
        talk = self.talk()
        talk.say("axm:action", {"action_name": "gc"})
        self.heard_by(talk)
        self.world.pm2("update")
        self.rpc = self.world.rpc()
        self.rpc.call("msgProcess", {"id": 0, "msg": "gc"})
        self.assertEqual(talk.hear(), "gc")
        self.heard_by(talk)


if __name__ == "__main__":
    unittest.main()
