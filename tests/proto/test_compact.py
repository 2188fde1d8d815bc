# SPDX-License-Identifier: MIT
"""Our own methods (c.*), and who may call at all."""

import os
import subprocess
import sys
import unittest

from world import Case, RpcError, ours_only, wait_until


@ours_only
class Compact(Case):
    def start(self, *targets, options=None, args=None, env=None):
        return self.world.rpc().call("c.start", {
            "targets": list(targets), "options": options or {}, "args": args or [],
            "cwd": self.world.work, "env": dict(self.world.environment(), **(env or {}))})

    def act(self, action, target, **more):
        return self.world.rpc().call("c.act", {"action": action, "target": target, **more})

    def test_hello(self):
        self.assertIsInstance(self.world.rpc().call("c.hello", {}), dict)

    def test_start_list_act(self):
        answer = self.start("tick.js", options={"name": "one"}, args=["a b"])
        self.assertFalse(answer.get("error"), answer)
        self.assertEqual(len(answer["results"]), 1)
        rows = self.world.rpc().call("c.list", {})
        self.assertEqual([row["name"] for row in rows], ["one"])
        self.assertNotIn("env", rows[0])
        for action, status in (("stop", "stopped"), ("restart", "online")):
            done = self.act(action, "one")
            self.assertFalse(done.get("error"), done)
            self.assertEqual(done["ids"], [0])
            self.assertEqual(self.status(), status)
        self.assertFalse(self.act("delete", "0").get("error"))
        self.assertEqual(self.world.rpc().call("c.list", {}), [])

    def test_list_of_a_target(self):
        self.start("tick.js", options={"name": "one"})
        self.start("tick.js", options={"name": "two"})
        rows = self.world.rpc().call("c.list", {"target": "two"})
        self.assertEqual([row["name"] for row in rows], ["two"])
        self.assertIn("err_log", rows[0])

    def test_variables_named_like_state(self):
        names = ("_km_monitored", "exit_signal", "monit", "prev_restart_delay", "reason_at")
        self.start("tick.js", options={"name": "one"}, env=dict.fromkeys(names, "mine"))
        env = self.world.rpc().call("getMonitorData", {})[0]["pm2_env"]
        for name in names:
            self.assertEqual(env["env"][name], "mine")
            self.assertNotEqual(env.get(name), "mine")

    def test_brief_list(self):
        self.start("tick.js", options={"name": "one"})
        rows = self.world.rpc().call("c.list", {"brief": True})
        self.assertEqual([row["name"] for row in rows], ["one"])
        self.assertNotIn("err_log", rows[0])

    def test_start_of_what_is_not_there(self):
        try:
            text = str(self.start("nope.js")["error"])
        except RpcError as error:
            text = str(error)
        self.assertIn("Script not found", text)
        self.assertIn("nope.js", text)

    def test_options_of_the_wrong_type_name_the_option(self):
        for name, value in (("kill_timeout", "x"), ("instances", {}), ("autorestart", 7), ("args", 7)):
            with self.subTest(name=name):
                try:
                    text = str(self.start("tick.js", options={name: value})["error"])
                except RpcError as error:
                    text = str(error)
                self.assertIn(name, text)

    def log_size(self, name):
        return os.path.getsize(os.path.join(self.world.home, "logs", name))

    def test_flush(self):
        for name in ("one", "two"):
            self.start("show.js", options={"name": name, "autorestart": False, "log_file": True})
            wait_until(lambda: self.log_size(f"{name}-out.log"), "it has written")  # noqa: B023
        logs = os.path.join(self.world.home, "logs")
        done = self.world.rpc().call("c.flush", {"target": "one"})
        self.assertEqual(sorted(done["flushed"]),
                         [os.path.join(logs, f) for f in ("one-error.log", "one-out.log", "one.log")])
        self.assertEqual(self.log_size("one-out.log"), 0)
        self.assertEqual(self.log_size(".one-out.log.idx"), 0)
        self.assertGreater(self.log_size("two-out.log"), 0)
        self.assertGreater(self.log_size("../pm2.log"), 0)
        done = self.world.rpc().call("c.flush", {})
        self.assertEqual(done["flushed"][0], os.path.join(self.world.home, "pm2.log"))
        self.assertEqual(len(done["flushed"]), 7)
        self.assertEqual(self.log_size("two-out.log"), 0)
        with self.assertRaisesRegex(RpcError, "nope"):
            self.world.rpc().call("c.flush", {"target": "nope"})

    def test_flush_of_what_is_not_there_or_no_file(self):
        self.start("show.js", options={"name": "one", "autorestart": False, "out_file": "/dev/null"})
        err = os.path.join(self.world.home, "logs", "one-error.log")
        wait_until(lambda: os.path.exists(err), "it was started")
        os.unlink(err)
        self.assertEqual(self.world.rpc().call("c.flush", {"target": "0"}), {"flushed": []})

    def test_reset(self):
        self.start("tick.js", options={"name": "one"})
        self.act("restart", "one")
        rpc = self.world.rpc()
        self.assertEqual([rpc.call("c.reset", {"target": target}) for target in ("one", "0", "all")],
                         [{"ids": [0]}] * 3)
        self.assertEqual(rpc.call("c.list", {})[0]["restarts"], 0)
        self.assertIn("Process two not found", rpc.body("c.reset", {"target": "two"})["error"])

    def test_unknown_target(self):
        try:
            text = str(self.act("stop", "nope")["error"])
        except RpcError as error:
            text = str(error)
        self.assertIn("Process or Namespace nope not found", text)

    def test_nothing_that_is_asked_for_ends_the_daemon(self):
        """Fields of any kind are answered, by a value or an error."""
        self.start("tick.js", options={"name": "one"})
        odd = (99, -1, 1.5, "99", "-1", "99999999999", "", "all", "/(/", "/x/", "nobody", True, None, [], {},
               ["one"], {"id": 0})
        fields = ("target", "targets", "action", "name", "number", "id", "apps", "options", "params", "cwd",
                  "env", "args", "file", "only", "overlay", "timeout_ms")
        whole = {"c.start": {"targets": ["nobody"], "options": {}, "args": [], "cwd": "/", "env": {}},
                 "c.act": {"action": "reload", "target": "nobody"},
                 "c.file": {"action": "plan", "apps": [], "cwd": "/", "env": {}},
                 "c.scale": {"name": "nobody", "number": "1"}, "c.trigger": {"target": "one", "action": "x"}}
        for method in ("c.list", "c.start", "c.act", "c.file", "c.scale", "c.settings", "c.trigger",
                       "c.describe", "c.env", "c.logs", "c.flush", "c.reset"):
            rpc = self.world.rpc()
            asked = [{**whole.get(method, {}), field: value} for field in fields for value in odd]
            for one in asked + [None, [], 7, "one"]:
                with self.subTest(method=method, asked=one):
                    self.assertTrue({"args", "error"} & rpc.body(method, one).keys())
        self.assertIn("99 id unknown", self.world.rpc().body("c.trigger", {"target": "99", "action": "x"})["error"])

    def test_describe_env_logs(self):
        self.start("tick.js", env={"COLOUR": "blue"})
        rpc = self.world.rpc()
        self.assertIn("tick", str(rpc.call("c.describe", {"target": "tick"})))
        self.assertIn("blue", str(rpc.call("c.env", {"id": 0})))
        self.assertIn("tick-out.log", str(rpc.call("c.logs", {"target": "tick"})))

    def test_kill(self):
        self.daemon_survives = False
        self.start("tick.js")
        rpc = self.world.rpc()
        rpc.request("c.kill", {})
        self.assertTrue(rpc.is_closed_by_peer(20))
        wait_until(lambda: not self.world.processes(), "the end")


@ours_only
class Peers(Case):
    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_another_user_is_refused_even_where_modes_would_let_him_in(self):
        os.chmod(self.world.folder, 0o711)
        os.chmod(self.world.home, 0o711)
        for name in ("rpc.sock", "pub.sock"):
            path = os.path.join(self.world.home, name)
            os.chmod(path, 0o666)
            code = ("import os, socket, sys; os.setgid(65534); os.setuid(65534);"
                    "s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1]);"
                    "print('closed' if not s.recv(1) else 'open')")
            got = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True,
                                 timeout=30, check=False)
            with self.subTest(name=name):
                self.assertIn(got.stdout.strip() or got.stderr[-200:].strip(),
                              ("closed",), "a peer of another uid is served")


if __name__ == "__main__":
    unittest.main()
