# SPDX-License-Identifier: MIT
"""Many at once: clients that stay, clients that come and go, apps that all talk to one reader."""

import os
import resource
import unittest

from world import Case, ours_only

CLIENTS = 1000
QUICK = 10000
APPS = 10
MESSAGES = 10000  # of each; all together are more than is kept for a subscriber

# Sends so many messages over Node's channel once FIFO can be opened.
FLOOD = """
import os, sys, time
open(sys.argv[2])
channel = int(os.environ["NODE_CHANNEL_FD"])
os.set_blocking(channel, True)
line = b'{"type":"process:msg","data":{"number":%d,"text":"' + b"x" * 60 + b'"}}\\n'
with os.fdopen(channel, "wb", closefd=False) as out:
    for number in range(int(sys.argv[1])):
        out.write(line % number)
time.sleep(1000)
"""


def more_descriptors(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise unittest.SkipTest("not enough file descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


class Clients(Case):
    def test_a_thousand_at_once_each_gets_its_answers(self):
        more_descriptors(CLIENTS + 200)
        self.world.pm2("start", "sleep", "--", "1000")
        crowd = [self.world.rpc() for _ in range(CLIENTS)]
        for _ in range(2):
            asked = [(rpc, rpc.request("getMonitorData", {}), rpc.request("ping", {})) for rpc in crowd]
            for rpc, listed, pinged in asked:
                answers = dict(sorted((got[1], got[0]) for got in (rpc.message(60), rpc.message(60))))
                self.assertEqual(answers[b"s:" + pinged.encode()], b'j:{"args":[{"msg":"pong"}]}')
                self.assertIn(b'"pm_id":0', answers[b"s:" + listed.encode()])

    def test_ten_thousand_that_come_and_go(self):
        before = len(os.listdir(f"/proc/{self.before}/fd"))
        for _ in range(QUICK):
            rpc = self.world.rpc()
            self.assertEqual(rpc.call("ping", {}), {"msg": "pong"})
            rpc.close()
            self.world.wires.remove(rpc)
        self.assertLess(len(os.listdir(f"/proc/{self.before}/fd")), before + 20)


class Talk(Case):
    @ours_only
    def test_who_reads_misses_nothing_and_who_does_not_holds_nobody_up(self):
        go = os.path.join(self.world.work, "go")
        os.mkfifo(go)
        script = os.path.join(self.world.work, "flood.py")
        with open(script, "w", encoding="ascii") as text:
            text.write(FLOOD)
        self.world.pm2("start", script, "--interpreter", "python3", "-i", str(APPS), "--",
                       str(MESSAGES), go)
        deaf = self.world.bus()
        reader = self.world.bus()
        self.addCleanup(os.close, os.open(go, os.O_RDWR))  # open until the last one has started
        next_of = [0] * APPS
        while sum(next_of) < APPS * MESSAGES:
            topic, payload = reader.event(60)
            self.assertNotEqual(topic, "pm2:gap", payload)
            if topic != "process:msg":
                continue
            app = payload["process"]["pm_id"]
            self.assertEqual(payload["data"]["number"], next_of[app], "in their order")
            next_of[app] += 1
        seen = deaf.until(lambda topic, _: topic == "pm2:gap", "word of what was missed", 60)
        told = sum(topic == "process:msg" for topic, _ in seen) + seen[-1][1]["missed"]
        self.assertGreaterEqual(told, APPS * MESSAGES)


if __name__ == "__main__":
    unittest.main()
