# SPDX-License-Identifier: MIT
"""PM2's methods: what they answer, the texts of their errors, and arguments of every wrong kind."""

import os
import signal
import subprocess
import unittest

from world import Case, Closed, ours_only, wait_until

PM2_METHODS = """killMe profileCPU profileMEM prepare getMonitorData getSystemData startProcessId
stopProcessId restartProcessId deleteProcessId sendLineToStdin softReloadProcessId reloadProcessId
duplicateProcessId resetMetaProcessId stopWatch startWatch toggleWatch notifyByProcessId notifyKillPM2
monitor unmonitor msgProcess sendDataToProcessId sendSignalToProcessId sendSignalToProcessName ping
getVersion getReport reloadLogs""".split()

# No argument list here means something: there is no process 4242, and none called so.
DEEP = {"a": None}
for _ in range(60):
    DEEP = {"a": DEEP, "id": DEEP}
    if _ > 6:
        DEEP = {"a": DEEP["a"]}
WRONG = [
    [], [None], [True], [False], [4242], [-1], [4242.5], [1e300], [2**63], [-(2**63)], [""], ["x"],
    ["4242"], ["x" * 100000], ["\0"], ["\ud7ff\U0001f600"], [[]], [[[]]], [[4242, 4242]], [{}],
    [{"": ""}], [{"id": None}], [{"id": []}], [{"id": {}}], [{"id": "x"}], [{"id": -1}],
    [{"id": 1e300}], [{"id": 4242}], [{"id": 4242, "env": 7}], [{"id": 4242, "env": {"current_conf": []}}],
    [{"pm_id": {}}], [{"pm_id": 4242, "line": {}}], [{"pm_id": [], "line": "x"}],
    [{"process_id": 4242, "signal": {}}], [{"process_id": {}, "signal": "SIGINT"}],
    [{"process_name": 7, "signal": 9}], [{"process_name": "x", "signal": None}],
    [{"name": 7, "msg": 7}], [{"name": [], "msg": {}}], [{"id": 4242, "data": 1, "topic": {}}],
    [{"id": 4242, "action_name": 7}], [{"target": 7}], [{"target": []}], [{"target": None}],
    [{"targets": "x"}], [{"targets": [7, None, {}]}], [{"targets": [], "options": 7}],
    [{"targets": ["x"], "options": [], "args": 7, "cwd": 7, "env": 7}],
    [{"action": 7, "target": "x"}], [{"action": "x", "target": "x"}], [{"action": "stop", "target": 7}],
    [{"pm_exec_path": 7}], [{"pm_exec_path": "/bin/true"}], [{"pm_exec_path": "/bin/true", "env": 7}],
    [{"env": {}}], [{"name": "x", "env": {}, "instances": "many"}],
    [DEEP], [None] * 20, [{}, {}, {}], ["stopProcessId", None], ["restartProcessId", {}],
    ["restartProcessId", {"id": 4242}], [7, 7],
]
OUR_METHODS = "c.hello c.list c.start c.act c.describe c.env c.logs c.kill".split()
ENDS_THE_DAEMON = {"killMe", "c.kill"}
NEVER_ANSWERS = {"notifyKillPM2", "killMe"}


class Introspection(Case):
    def methods(self):
        rpc = self.world.rpc()
        return rpc.reply(rpc.request_body({"type": "methods"}))["methods"]

    def test_every_method_of_pm2_is_there(self):
        methods = self.methods()
        self.assertEqual([m for m in PM2_METHODS if m not in methods], [])
        for name in PM2_METHODS:
            self.assertEqual(methods[name]["name"], name)
        self.assertEqual(methods["stopProcessId"]["params"], ["id", "cb"])
        self.assertEqual(methods["startWatch"]["params"], ["method", "value", "fn"])
        self.assertEqual(methods["killMe"]["params"], [])


class Texts(Case):
    """Error texts are PM2's, word for word."""

    def fails(self, text, method, *args):
        with self.subTest(method=method, args=args):
            body = self.world.rpc().body(method, *args)
            self.assertEqual(body.get("error"), text)

    def test_envelope(self):
        rpc = self.world.rpc()
        for body, text in (
                ({"type": "call", "args": [{}]}, ".method required"),
                ({"type": "call", "method": "nosuch", "args": [{}]}, 'method "nosuch" does not exist'),
                ({"type": "call", "method": "ping"}, ".args required")):
            self.assertEqual(rpc.reply(rpc.request_body(body)), {"error": text})

    def test_type_is_not_checked(self):
        rpc = self.world.rpc()
        body = {"type": "whatever", "method": "ping", "args": [{}]}
        self.assertEqual(rpc.reply(rpc.request_body(body)), {"args": [{"msg": "pong"}]})

    def test_unknown_ids(self):
        self.fails("99 id unknown", "startProcessId", 99)
        self.fails("99 : id unknown", "stopProcessId", 99)
        self.fails("99 : id unknown", "deleteProcessId", 99)
        self.fails("99 : id unknown", "deleteProcessId", {"id": 99})
        self.fails("99 id unknown", "duplicateProcessId", 99)
        self.fails("PM2 ID unknown", "reloadProcessId", {"id": 99})
        self.fails("pm_id 99 not available in 99", "softReloadProcessId", {"id": 99})
        self.fails("God db process id unknown", "restartProcessId", {"id": 99})
        self.fails("99 id unknown", "resetMetaProcessId", 99)
        self.fails("99 id unknown", "sendSignalToProcessId", {"process_id": 99, "signal": "SIGUSR2"})
        self.fails("process id doesnt exists", "notifyByProcessId", {"id": 99, "action_name": "x"})
        self.fails("Unknown pm_id", "monitor", 99)
        self.fails("Unknown pm_id", "unmonitor", 99)
        self.fails("99 id unknown", "msgProcess", {"id": 99, "msg": "x"})
        self.fails("Process with ID <99> unknown.", "sendLineToStdin", {"pm_id": 99, "line": "x"})
        self.fails("Process with ID <99> unknown.", "sendDataToProcessId",
                   {"id": 99, "data": {}, "topic": "t"})

    def test_missing_fields(self):
        self.fails("opts.id not passed to restartProcessId", "restartProcessId", {})
        self.fails("PM2 ID unknown", "reloadProcessId", {})
        self.fails("pm_id undefined not available in undefined", "softReloadProcessId", {})
        self.fails("process id missing", "notifyByProcessId", {})
        self.fails("method requires name or id field", "msgProcess", {})
        self.fails("ID, DATA or TOPIC field is missing", "sendDataToProcessId", {"id": 1})
        self.fails("pm_id or line field missing", "sendLineToStdin", {"pm_id": 1})
        self.fails("pm_id or line field missing", "sendLineToStdin", {"pm_id": 1, "line": ""})

    def test_unknown_names(self):
        self.fails("Unknown process name", "sendSignalToProcessName",
                   {"process_name": "x", "signal": "SIGUSR2"})

    @ours_only
    def test_what_is_not_built(self):
        for method in ("profileCPU", "profileMEM"):
            body = self.world.rpc().body(method, {"id": 0})
            self.assertIn("not available yet", body["error"])

    def test_reload_and_duplicate(self):
        self.world.pm2("start", "sleep", "--", "1000")
        rpc = self.world.rpc()
        first = rpc.call("getMonitorData", {})[0]
        for method in ("reloadProcessId", "softReloadProcessId"):
            again = rpc.call(method, {"id": 0})
            self.assertNotEqual(again["pid"], first["pid"])
        more = rpc.call("duplicateProcessId", 0)
        self.assertEqual((more["pm2_env"]["pm_id"], more["pm2_env"]["name"]), (1, "sleep"))
        self.assertEqual(more["pm2_env"]["env"]["HOME"], self.world.folder)
        self.assertEqual(more["process"]["pid"], more["pid"])
        uids = {p["pm2_env"]["unique_id"] for p in rpc.call("getMonitorData", {})}
        self.assertEqual(len(uids), 2)

    def test_watch_twice(self):
        self.world.pm2("start", "sleep", "--", "1000")
        rpc = self.world.rpc()
        call = ("startWatch", "restartProcessId", {"id": 0})
        self.assertEqual(rpc.call(*call), {"success": True})
        self.assertEqual(rpc.call(*call), {"success": True, "notrestarted": True})

    def test_of_a_process(self):
        self.world.pm2("start", "sleep", "--", "1000")
        self.fails("process already online", "startProcessId", 0)
        self.fails("Error when sending signal (signal unknown)", "sendSignalToProcessId",
                   {"process_id": 0, "signal": "SIGFOO"})
        self.fails("Unknown signal: SIGFOO", "sendSignalToProcessName",
                   {"process_name": "sleep", "signal": "SIGFOO"})
        self.assertEqual(len(self.world.rpc().call(
            "sendSignalToProcessName", {"process_name": "sleep", "signal": 0})), 1)
        self.fails("Action doesn't exist x for sleep", "msgProcess", {"id": 0, "msg": "x"})
        self.world.pm2("stop", "sleep")
        self.fails("Process with ID <0> offline.", "sendLineToStdin", {"pm_id": 0, "line": "x"})
        self.fails("Process with ID <0> offline.", "sendDataToProcessId",
                   {"id": 0, "data": {}, "topic": "t"})


class Answers(Case):
    def test_version_and_report(self):
        rpc = self.world.rpc()
        self.assertEqual(rpc.call("getVersion", {}), "7.0.4")
        report = rpc.call("getReport", {})
        self.assertEqual(report["pm2_version"], "7.0.4")
        self.assertEqual(report["managed_apps"], 0)
        self.assertEqual(rpc.call("reloadLogs", {}), {})

    def test_cycle_by_number_and_by_text(self):
        self.world.pm2("start", "sleep", "--", "1000")
        rpc = self.world.rpc()
        for ident in (0, "0"):
            with self.subTest(ident=ident):
                self.assertEqual(rpc.call("stopProcessId", ident)["pm2_env"]["status"], "stopped")
                self.assertEqual(rpc.call("startProcessId", ident)["pm2_env"]["status"], "online")
                restarted = rpc.call("restartProcessId", {"id": ident})
                self.assertEqual(restarted["pm2_env"]["status"], "online")
                self.assertGreater(restarted["process"]["pid"], 0)
        self.assertEqual(rpc.call("stopProcessId", {"id": 0})["pm2_env"]["status"], "stopped")
        reset = rpc.call("resetMetaProcessId", 0)
        self.assertEqual(reset[0]["pm2_env"]["restart_time"], 0)
        self.assertEqual(rpc.call("deleteProcessId", "0")["pm_id"], 0)
        self.assertEqual(rpc.call("getMonitorData", {}), [])

    def test_prepare_as_pm2s_own_client_sends_it(self):
        logs, pids = (os.path.join(self.world.home, name) for name in ("logs", "pids"))
        conf = {
            "name": "prep", "namespace": "default", "args": ["1000"], "node_args": [],
            "exec_interpreter": "none", "exec_mode": "fork_mode", "instances": 2,
            "pm_exec_path": "/bin/sleep", "pm_cwd": "/", "pm_out_log_path": f"{logs}/prep-out.log",
            "pm_err_log_path": f"{logs}/prep-error.log", "pm_pid_path": f"{pids}/prep.pid",
            "env": {"PM2_HOME": self.world.home, "COLOUR": "blue"}, "merge_logs": False, "vizion": True,
            "autostart": True, "autorestart": True, "watch": False, "instance_var": "NODE_APP_INSTANCE",
            "pmx": True, "automation": True, "treekill": True, "username": "x", "windowsHide": True,
            "kill_retry_time": 100, "filter_env": [], "km_link": False,
        }
        rpc = self.world.rpc()
        made = rpc.call("prepare", conf)
        self.assertEqual([one["pm2_env"]["pm_id"] for one in made], [0, 1])
        for number, process in enumerate(rpc.call("getMonitorData", {})):
            env = process["pm2_env"]
            self.assertEqual(env["status"], "online")
            self.assertEqual(env["NODE_APP_INSTANCE"], number)
            self.assertEqual(env["pm_out_log_path"], f"{logs}/prep-out-{number}.log")
            with open(f"/proc/{process['pid']}/environ", "rb") as environ:
                self.assertIn(b"COLOUR=blue", environ.read().split(b"\0"))

    def test_notify_answers_nothing(self):
        self.world.pm2("start", "sleep", "--", "1000")
        body = self.world.rpc().body("notifyByProcessId", {"id": 0, "action_name": "x", "manually": True})
        self.assertEqual(body, {"args": []})

    def test_line_and_data_reach_the_app(self):
        self.world.pm2("start", "message.js")
        self.world.pm2("start", "stdin.py")
        wait_until(lambda: b"reading" in self.world.log("stdin-out"), "the app")
        wait_until(lambda: b"channel true" in self.world.log("message-out"), "the app")
        rpc = self.world.rpc()
        self.assertEqual(rpc.call("sendLineToStdin", {"pm_id": "1", "line": "hi\n"}),
                         {"pm_id": "1", "line": "hi\n"})
        wait_until(lambda: b"GOT hi" in self.world.log("stdin-out"), "the line")
        packet = {"id": 0, "type": "process:msg", "topic": "t", "data": {"some": ["thing"]}}
        answer = rpc.call("sendDataToProcessId", packet)
        self.assertEqual((answer["success"], answer["data"]), (True, packet))
        wait_until(lambda: b'"some":["thing"]' in self.world.log("message-out"), "the message")

    def test_reopened_logs(self):
        self.world.pm2("start", "tick.js")
        wait_until(lambda: b"out 1" in self.world.log("tick-out"), "output")
        path = os.path.join(self.world.home, "logs", "tick-out.log")
        os.rename(path, path + ".1")
        self.world.rpc().call("reloadLogs", {})
        wait_until(lambda: b"out " in self.world.log("tick-out"), "output in a new file")

    @ours_only
    def test_line_to_an_app_that_closed_its_input(self):
        self.world.pm2("start", "exec <&-; echo closed; exec sleep 1000", "--name", "deaf")
        wait_until(lambda: b"closed" in self.world.log("deaf-out"), "the app")
        for _ in range(3):
            self.world.rpc().body("sendLineToStdin", {"pm_id": 0, "line": "x\n"})
        self.assertEqual(self.status(), "online")

    def test_replies_come_as_they_are_ready(self):
        self.world.pm2("start", "stubborn.sh", "--kill-timeout", "1000")
        wait_until(lambda: b"ready" in self.world.log("stubborn-out"), "the app")
        rpc = self.world.rpc()
        slow = rpc.request("stopProcessId", 0)
        quick = rpc.request("ping", {})
        rpc.reply(quick)
        rpc.reply(slow)


@ours_only
class WrongArguments(Case):
    def test_every_method_with_every_wrong_argument(self):
        rpc = self.world.rpc()
        methods = rpc.reply(rpc.request_body({"type": "methods"}))["methods"]
        self.assertGreaterEqual(len(methods), len(PM2_METHODS))
        for method in sorted({*methods, *OUR_METHODS} - ENDS_THE_DAEMON):
            for args in WRONG:
                with self.subTest(method=method, args=str(args)[:100]):
                    self.try_one(rpc, method, args)
            self.assert_alive()
        self.assertEqual(self.world.rpc().call("getMonitorData", {}), [])

    @staticmethod
    def try_one(rpc, method, args):
        asked = rpc.request(method, *args)
        # A body with a NUL is refused before its method is looked at.
        if method not in NEVER_ANSWERS or "\0" in args:
            body = rpc.reply(asked)
            assert "args" in body or isinstance(body.get("error"), str), body
        # The connection is still in step.
        assert rpc.call("ping", {}) == {"msg": "pong"}

    def test_args_that_are_no_array(self):
        rpc = self.world.rpc()
        for args in (None, 7, "x", {}, True):
            asked = rpc.request_body({"type": "call", "method": "ping", "args": args})
            self.assertIn("error", rpc.reply(asked))

    def test_method_that_is_no_string(self):
        rpc = self.world.rpc()
        for method in (None, 7, [], {}, True, "", "x" * 10000, "__proto__", "constructor", "toString"):
            asked = rpc.request_body({"type": "call", "method": method, "args": [{}]})
            self.assertIn("error", rpc.reply(asked))


class Kill(Case):
    daemon_survives = False

    def test_kill_me(self):
        with subprocess.Popen(["sleep", "1000"]) as told:
            bus = self.world.bus()
            rpc = self.world.rpc()
            rpc.request("killMe", {"pid": told.pid})
            bus.until(lambda topic, _: topic == "pm2:kill", "pm2:kill")
            self.assertTrue(rpc.is_closed_by_peer())
            told.wait(10)
        self.assertEqual(told.returncode, -signal.SIGQUIT, "SIGQUIT is how PM2's client hears of the end")
        wait_until(lambda: not self.world.processes(), "the end of the daemon")
        for name in ("rpc.sock", "pub.sock", "pm2.pid"):
            self.assertFalse(os.path.exists(os.path.join(self.world.home, name)), name)

    def test_notify_kill_stops_restarts(self):
        self.world.pm2("start", "sleep", "--", "1000")
        rpc = self.world.rpc()
        rpc.request("notifyKillPM2", {})
        rpc.call("ping", {})
        os.kill(rpc.call("getMonitorData", {})[0]["pid"], signal.SIGKILL)
        wait_until(lambda: self.status() == "stopped", "stopped")
        self.assertEqual(rpc.call("getMonitorData", {})[0]["pm2_env"]["restart_time"], 0)

    @ours_only
    def test_kill_me_with_nonsense(self):
        for args in WRONG:
            rpc = self.world.rpc()
            try:
                rpc.request("killMe", *args)
                rpc.call("ping", {}, seconds=5)
            except (Closed, BrokenPipeError, ConnectionResetError):
                break
        wait_until(self.ended_or_well, "an end, or an answer")

    def ended_or_well(self):
        if not self.world.processes():
            return True
        try:
            return self.world.rpc().call("ping", {}, seconds=1)
        except (OSError, Closed):
            return False


if __name__ == "__main__":
    unittest.main()
