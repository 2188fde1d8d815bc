#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the seed corpora of the fuzz targets: traffic as PM2 clients, PM2's daemon, Node, Bun and our
own keeper link have it, in small. Run it after a change of a format and commit what it wrote.

    tests/fuzz/make_corpus.py
"""

import hashlib
import json
import pathlib
import shutil
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "proto"))
sys.dont_write_bytecode = True

import amp  # noqa: E402

ID = "22715:0"

APP_ENV = {
    "name": "w", "namespace": "default", "exec_mode": "fork_mode", "instances": 1,
    "pm_exec_path": "/srv/w/app.py", "pm_cwd": "/srv/w", "exec_interpreter": "python3",
    "pm_out_log_path": "/home/u/.pm2/logs/w-out.log", "pm_err_log_path": "/home/u/.pm2/logs/w-error.log",
    "pm_pid_path": "/home/u/.pm2/pids/w-0.pid", "args": ["--port", "8000"], "node_args": [],
    "env": {"PATH": "/usr/bin:/bin", "HOME": "/home/u", "TEXT": "caf\u00e9 \"x\"\n\t\\"},
    "autorestart": True, "watch": False, "merge_logs": True, "kill_retry_time": 100,
}
LIVE = {
    "pid": 22722, "name": "w", "pm_id": 0, "monit": {"memory": 52703232, "cpu": 0.4},
    "pm2_env": {**APP_ENV, "status": "online", "pm_uptime": 1795232828972, "restart_time": 0},
}

CALLS = {
    "ping": [{}], "getMonitorData": [{}], "getVersion": [{}], "prepare": [APP_ENV],
    "startProcessId": [42], "stopWatch": ["stopProcessId", 0], "stopProcessId": ["0"],
    "restartProcessId": [{"id": 0, "env": {"A": "1"}}],
    "sendSignalToProcessId": [{"process_id": 0, "signal": "SIGUSR2"}],
    "sendLineToStdin": [{"pm_id": 0, "line": "hello\n"}],
}
REPLIES = {
    "pong": {"args": [{"msg": "pong"}]},
    "version": {"args": ["7.0.4"]},
    "nothing": {"args": []},
    "empty-list": {"args": [[]]},
    "list": {"args": [[LIVE, {**LIVE, "pm_id": 1}]]},
    "error": {"error": "42 id unknown", "stack": "Error: 42 id unknown\n    at f (a.js:39:12)"},
    "no-method": {"error": 'method "nosuch" does not exist'},
    "error-object": {"error": {"code": "EACCES"}},
    "methods": {"methods": {"killMe": {"name": "killMe", "params": []},
                            "ping": {"name": "ping", "params": ["env", "cb"]}}},
    "numbers": {"args": [[0, -1, 1.5, 1e20, 1e-7, 2**53, True, False, None]]},
}
PROCESS = {"pm_id": 0, "name": "w", "rev": None, "namespace": "default"}
EVENTS = {
    "log:PM2": {"process": {"pm_id": "PM2", "name": "PM2", "rev": None}, "at": 1795232828972,
                "data": "App [w:0] online\n"},
    "log:out": {"process": PROCESS, "at": 1795232828992, "data": "py up 22722\n"},
    "process:event": {"event": "online", "manually": False, "process": APP_ENV, "at": 1795232828975},
    "process:msg": {"process": PROCESS, "at": 1, "raw": {"k": [1, None]}, "data": {}},
    "pm2:kill": {"status": "killed", "msg": "pm2 has been killed via CLI"},
}


def call(method, args):
    return amp.encode({"type": "call", "method": method, "args": args}, ID)


def amp_seeds():
    yield "ping", call("ping", [{}])
    yield "pong", amp.encode(REPLIES["pong"], ID)
    yield "pipelined", b"".join(call(m, a) for m, a in CALLS.items() if m != "prepare")
    yield "events", b"".join(amp.encode(t, EVENTS[t]) for t in EVENTS if t != "process:event")
    yield "blob", amp.encode(b"\x00\x01\xff", b"", b"s", b"s:", b"j:")
    yield "argc-15", amp.encode(*[b"x" * n for n in range(15)])
    yield "cut", call("getMonitorData", [{}])[:-3]
    yield "argc-0", call("ping", [{}]) + b"\x10"
    yield "version-2", b"\x22\0\0\0\0\0\0\0\0"
    yield "too-long", b"\x12\0\0\0\x01x\x7f\xff\xff\xff"
    yield "http", b"GET / HTTP/1.1\r\n\r\n"


def rpc_seeds():
    for method, args in CALLS.items():
        yield f"call-{method}", call(method, args)
    yield "call-methods", amp.encode({"type": "methods"}, ID)
    yield "call-no-args", amp.encode({"type": "call", "method": "ping"}, ID)
    yield "call-no-method", amp.encode({"type": "call", "args": []}, ID)
    yield "call-no-id", amp.encode({"type": "methods"})
    yield "call-three", amp.encode({"method": "ping", "args": [{}]}, "x", b"\x00id")
    yield "call-no-json", amp.encode(b"j:{\"type\":", ID)
    for name, body in REPLIES.items():
        yield f"reply-{name}", amp.encode(body, ID)
        yield f"body-{name}", json.dumps(body).encode()
    yield "body-escaped-key", b'{"\\u0061rgs":[1],"args":[2] , "x" : {"args":[3]}}'
    yield "body-huge-number", b'{"args":[1,99999999999999999999]}'
    yield "body-deep", b'{"args":' + b"[" * 254 + b"]" * 254 + b"}"
    for topic, data in EVENTS.items():
        yield "event-" + topic.replace(":", "-"), amp.encode(topic, data)
    yield "event-number", amp.encode(b"j:123", {})


def cluster_seeds():
    listen = {"cmd": "NODE_CLUSTER", "act": "queryServer", "index": 0, "data": None, "address": None,
              "port": 8000, "addressType": 4, "flags": 0, "backlog": 0, "seq": 1}
    values = {
        "online": {"cmd": "NODE_CLUSTER", "act": "online", "seq": 0},
        "tcp": listen,
        "tcp-host": {**listen, "address": "127.0.0.1", "backlog": False},
        "tcp-any": {**listen, "port": 0, "index": 2},
        "tcp6": {**listen, "address": "::", "addressType": 6, "flags": 1},
        "unix": {**listen, "address": "/tmp/a.sock", "port": -1, "addressType": -1,
                 "readableAll": True, "writableAll": True},
        "fd": {**listen, "port": None, "addressType": None, "fd": 9},
        "udp": {**listen, "address": "0.0.0.0", "port": "53", "addressType": "udp4", "fd": -1},
        "udp-any": {"cmd": "NODE_CLUSTER", "act": "queryServer", "index": 0, "data": None,
                    "address": "::", "addressType": "udp6", "fd": -1, "flags": 5, "seq": 1},
        "tls": {**listen, "data": {"ticketKeys": "00ff"}, "sharedOnly": True},
        "listening": {**listen, "act": "listening", "seq": None},
        "close": {"cmd": "NODE_CLUSTER", "act": "close", "key": "null:8000:4:", "seq": 3},
        "leaving": {"cmd": "NODE_CLUSTER", "act": "exitedAfterDisconnect", "seq": 4},
        "reply": {"cmd": "NODE_CLUSTER", "ack": 3, "accepted": True, "seq": 5},
        "bad": {**listen, "port": 65536, "addressType": "tcp"},
    }
    for name, value in values.items():
        yield name, json.dumps(value, separators=(",", ":")).encode()


def channel_seeds():
    cluster = {"cmd": "NODE_CLUSTER"}
    lines = {
        "values": ["ready", 42, None, [1, 2], {"a": {}}, True, 1e20, "caf\u00e9 \u2028 \U0001f427"],
        "axm": [{"type": "axm:monitor", "data": {"Loop delay": {"value": 0.52, "unit": "ms"}}},
                {"type": "process:exception", "data": {"message": "x", "stack": "Error\n at y"}}],
        "worker": [{**cluster, "act": "online", "seq": 0},
                   {**cluster, "act": "queryServer", "index": 0, "data": None, "address": None,
                    "port": 8000, "addressType": 4, "flags": 0, "backlog": 0, "seq": 1},
                   {**cluster, "act": "listening", "port": 8000, "addressType": 4, "seq": 2},
                   {"cmd": "NODE_HANDLE_ACK"}, {"ack": 3, "accepted": True, **cluster}],
        "primary": [{**cluster, "errno": None, "key": "null:8000:4::0", "ack": 1, "data": None,
                     "sockname": {"address": "::", "family": "IPv6", "port": 8000}, "seq": 1},
                    {"cmd": "NODE_HANDLE", "type": "net.Native",
                     "msg": {**cluster, "act": "newconn", "key": "k", "seq": 2}}],
        "instance": ["ready", "steady", {"type": "axm:action", "data": {"action_name": "gc"}},
                     {"type": "axm:reply", "data": {"return": 1}}, {"type": "log:out", "data": "x"},
                     {"type": "", "data": 1}, {"type": "pm2:process", "data": {"pm_id": "3"}}],
        "not-internal": [{"cmd": "NODE_"}, {"cmd": "node_x"}, {"cmd": 5}, "NODE_CLUSTER"],
    }
    for name, values in lines.items():
        text = "".join(json.dumps(v, separators=(",", ":"), ensure_ascii=False) + "\n" for v in values)
        yield name, text.encode()
    yield "bun", (b'\x02{"cmd":"NODE_CLUSTER","act":"online","seq":0}\n{"cmd":"NODE_HANDLE_ACK"}\n'
                  b'\x02{"cmd":"NODE_CLUSTER","act":"newconn","$hasHandle":true,"seq":1}\n\x02\n\x02[]\n')
    yield "blanks", b'\n\r\n \t{"a":1}\r\n\n  \n7'
    yield "handles", (b'{"cmd":"NODE_HANDLE","type":"net.Socket","msg":"x"}\n{"cmd":"NODE_HANDLE_NACK"}\n'
                      b'{"cmd":"NODE_HANDLE_ACK"}\n')
    yield "not-json", b'Debugger attached.\n{"a":\n\xff\n"\\ud800"\n{} {}\n1\n'


def link_text(text):
    return struct.pack("=I", len(text)) + text


def link_list(items):
    return struct.pack("=I", len(items)) + b"".join(map(link_text, items))


def link_frame(kind, payload=b"", seq=0, nfds=0):
    return struct.pack("=IHHI", len(payload), kind, nfds, seq) + payload


def link_seeds():
    handle = struct.pack("=Q", 3 << 32 | 1)
    spawn = (handle + struct.pack("=III", 3, 1000, 1000) + struct.pack("=III", 2, 1000, 27) +
             link_text(b"/usr/bin/node") + link_text(b"/usr/bin:/bin") + link_text(b"/srv/w") +
             link_text(b"/sys/fs/cgroup/app-0") + link_text(b"note") +
             link_list([b"node", b"app.js", b""]) +
             link_list([b"PATH=/usr/bin", b"NODE_CHANNEL_FD=3"]))
    limits = struct.pack("=iIIQQIQQ", -5, 2, 7, 100, 200, 4, 0, 2**64 - 1)
    child = (handle + struct.pack("=IQIiQI", 4711, 123456, 1, 256, 1795232828972, 0x1F) +
             link_text(b"note"))
    frames = {
        "hello": link_frame(1, struct.pack("=I", 1), seq=1),
        "ready": link_frame(2, link_text(b"pm2c 0.1.0")),
        "list": link_frame(4, seq=2),
        "spawn": link_frame(5, spawn, seq=3),
        "spawn-limits": link_frame(5, spawn + limits, seq=3),
        "spawn-many-limits": link_frame(5, spawn + struct.pack("=iI", 0, 17), seq=3),
        "spawn-nul": link_frame(5, spawn.replace(b"app.js", b"app\0js"), seq=3),
        "spawn-huge-list": link_frame(5, spawn[:-60] + b"\xff\xff\xff\xff", seq=3),
        "signal": link_frame(6, handle + struct.pack("=i", 15), seq=4),
        "store": link_frame(9, link_text(b"rpc.sock"), nfds=1),
        "hello-ok": link_frame(64, struct.pack("=III", 1, 100, 1), seq=1),
        "spawned": link_frame(65, child, seq=3, nfds=5),
        "spawn-failed": link_frame(66, handle + struct.pack("=iI", -2, 5), seq=3),
        "exited": link_frame(67, handle + struct.pack("=IiQ", 4711, 9, 1795232828972)),
        "child": link_frame(69, child, seq=2, nfds=5),
        "error": link_frame(74, link_text(b"unknown type 99")),
        "unknown": link_frame(99, b"whatever", seq=9),
    }
    yield from frames.items()
    yield "all", b"".join(frames.values())
    yield "cut", frames["spawn"][:-5]
    yield "too-long", struct.pack("=IHHI", 0x7FFFFFFF, 5, 0, 1)
    yield "too-many-fds", link_frame(65, child, nfds=17)


def json5_seeds():
    yield "strict", json.dumps({"apps": [{**APP_ENV, "instances": 2.5}]}, indent=2).encode()
    yield "five", b"""\xef\xbb\xbf// process file
{
  apps: [{
    name: 'a\\x41\\u00e9\\ud83d\\udc27', "script": "./a.js", /* two
    lines */ instances: +2, port: 0x1F90, load: .5, share: 5., big: 1e999,
    args: ['it\\'s', "one \\
two",],
    __proto__: null, $x_1: -Infinity, y: NaN, caf\xc3\xa9: true,
  },],
}
"""
    yield "numbers", b"[0,-0,1e3,1.0,9223372036854775807,9223372036854775808,0.1,1e-7,+0XfF,-.5e-1]"
    yield "spaces", "[\u00a0\u3000\u2003\u2028\ufeff1\f\v\r\n\t]".encode()
    yield "javascript", b"{apps: [{name: 'a' + 1, port: process.env.PORT || 80, f: () => 1}]}"
    yield "deep", b"[" * 250 + b"]" * 250
    yield "bad-utf8", b'{"a":"\xc3("}'
    yield "nul", b'{"a":"\\u0000"}'
    yield "unclosed", b"{a: [1, /* "


def dump_seeds():
    entry = {"name": "web", "namespace": "default", "pm_exec_path": "/w/app.js", "pm_cwd": "/w",
             "pm_out_log_path": "/l/web-out.log", "pm_err_log_path": "/l/web-error.log",
             "pm_pid_path": "/p/web-3.pid", "exec_interpreter": "node", "exec_mode": "cluster_mode",
             "env": {"PORT": "80", "web": {}, "unique_id": "u"}, "PORT": "80", "unique_id": "u",
             "NODE_APP_INSTANCE": 0, "status": "stopped", "restart_time": 7, "args": ["a b"],
             "axm_actions": [], "created_at": 1795230970998, "instance_var": "NODE_APP_INSTANCE"}
    text = json.dumps([entry, {**entry, "name": "two", "max_memory_restart": "1G", "watch": ["."]}],
                      indent=2).encode()
    digest = hashlib.sha256(text).hexdigest()
    yield "sum", f"# {len(text)} bytes\n{digest}  dump.pm2\n".encode() + b"\0" + text
    yield "plain", text
    yield "empty-list", b"[]"
    yield "five", b"[{name: 'a', pm_exec_path: '/w/app.py',}, /* by hand */]"
    yield "object", b'{"apps": []}'
    yield "torn", text[:200]


def main():
    targets = {"fuzz_amp": amp_seeds, "fuzz_rpc": rpc_seeds, "fuzz_channel": channel_seeds,
               "fuzz_cluster": cluster_seeds, "fuzz_link": link_seeds, "fuzz_json5": json5_seeds,
               "fuzz_dump": dump_seeds}
    for target, seeds in targets.items():
        folder = HERE / "corpus" / target
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, data in seeds():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
