# SPDX-License-Identifier: MIT
"""Frames on rpc.sock: whole, split, joined, broken, too large."""

import os
import resource
import socket
import struct
import unittest

import amp
from world import Case, Closed, OURS, Rpc, ours_only, rss_bytes, wait_until

MEGABYTE = 1 << 20


def ping_frame(ident=b"s:1:0"):
    return amp.encode(b'j:{"type":"call","method":"ping","args":[{}]}', ident)


class Whole(Case):
    def test_reply_is_byte_for_byte_pm2s(self):
        rpc = self.world.rpc()
        rpc.send(bytes.fromhex(
            "120000002d6a3a7b2274797065223a2263616c6c222c226d6574686f64223a2270696e67222c2261726773"
            "223a5b7b7d5d7d00000009733a32323636373a30"))
        wanted = bytes.fromhex(
            "120000001b6a3a7b2261726773223a5b7b226d7367223a22706f6e67227d5d7d00000009733a3232363637"
            "3a30")
        got = b""
        rpc.sock.settimeout(10)
        while len(got) < len(wanted):
            got += rpc.sock.recv(100)
        self.assertEqual(got, wanted)

    def test_any_id_comes_back_as_it_was(self):
        for ident in (b"s:", b"s:1:2", b"j:7", b'j:{"a":[1]}', b"raw \xff\x00 bytes", b"s:" + b"x" * 5000):
            with self.subTest(ident=ident[:20]):
                rpc = self.world.rpc()
                # PM2's reader needs one more byte to see an empty argument at the end.
                rpc.send(ping_frame(ident))
                self.assertEqual(rpc.message()[-1], ident)

    def test_connect_and_close(self):
        for _ in range(50):
            self.world.rpc().close()


class SplitAndJoined(Case):
    def test_pipelining(self):
        rpc = self.world.rpc()
        idents = [b"s:p:%d" % i for i in range(300)]
        rpc.send(b"".join(ping_frame(i) for i in idents))
        self.assertEqual(sorted(rpc.message()[1] for _ in idents), sorted(idents))

    def test_one_byte_at_a_time(self):
        rpc = self.world.rpc()
        for byte in ping_frame():
            rpc.send(bytes([byte]))
        self.assertEqual(rpc.reply(), {"args": [{"msg": "pong"}]})

    def test_cut_at_every_place(self):
        rpc = self.world.rpc()
        frame = ping_frame()
        for cut in range(1, len(frame)):
            rpc.send(frame[:cut])
            rpc.send(frame[cut:])
            self.assertEqual(rpc.message()[1], b"s:1:0")

    def test_one_and_a_half(self):
        rpc = self.world.rpc()
        frame = ping_frame()
        rpc.send(frame + frame[:20])
        rpc.message()
        rpc.send(frame[20:])
        rpc.message()

    def test_half_a_frame_then_silence_holds_nobody_up(self):
        half = self.world.rpc()
        half.send(ping_frame()[:10])
        self.assertEqual(self.world.rpc().call("ping", {}), {"msg": "pong"})

    def test_half_a_frame_then_close(self):
        half = self.world.rpc()
        half.send(ping_frame()[:10])
        half.close()

    def test_close_before_the_answer(self):
        for _ in range(20):
            rpc = self.world.rpc()
            rpc.request("getMonitorData", {})
            rpc.close()

    def test_half_close_still_gets_its_answers(self):
        rpc = self.world.rpc()
        rpc.send(ping_frame() * 3)
        rpc.sock.shutdown(socket.SHUT_WR)
        if OURS:
            for _ in range(3):
                self.assertEqual(rpc.reply(), {"args": [{"msg": "pong"}]})


@ours_only
class Broken(Case):
    """Each of these costs the one connection at most. PM2 dies of most of them."""

    def survives(self, data, closed=None):
        """Send; the answer is an error or the end of the connection; others are served."""
        rpc = self.world.rpc()
        other = self.world.rpc()
        rpc.send(data)
        try:
            body = rpc.reply(seconds=5)
            self.assertIn("error", body)
            self.assertNotEqual(closed, True, "an answer instead of a close")
        except Closed:
            self.assertNotEqual(closed, False, "closed instead of an answer")
        self.assertEqual(other.call("ping", {}), {"msg": "pong"})
        self.assert_alive()

    def test_length_of_64_megabytes_is_refused_at_once(self):
        before = rss_bytes(self.before)
        self.survives(b"\x12" + struct.pack(">I", 64 * MEGABYTE) + b"j:", closed=True)
        self.assertLess(rss_bytes(self.before), before + 8 * MEGABYTE)

    def test_64_megabytes_of_it(self):
        rpc = self.world.rpc()
        other = self.world.rpc()
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            rpc.send(b"\x12" + struct.pack(">I", 64 * MEGABYTE) + b"j:")
            for _ in range(64):
                rpc.send(b'"' * MEGABYTE)
                self.assertEqual(other.call("ping", {}), {"msg": "pong"})

    def test_largest_length(self):
        self.survives(b"\x12\xff\xff\xff\xff", closed=True)

    def test_many_arguments_that_are_too_large_together(self):
        argument = struct.pack(">I", 5 * MEGABYTE) + b"x" * (5 * MEGABYTE)
        rpc = self.world.rpc()
        try:
            rpc.send(b"\x1f" + argument * 15)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertTrue(rpc.is_closed_by_peer())

    def test_no_arguments(self):
        self.survives(b"\x10", closed=True)

    def test_other_versions(self):
        for version in (0, 2, 15):
            with self.subTest(version=version):
                frame = bytearray(ping_frame())
                frame[0] = version << 4 | 2
                self.survives(bytes(frame), closed=True)

    def test_http_request(self):
        self.survives(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", closed=True)

    def test_json_that_is_none(self):
        for text in (b"", b"{", b"nope", b'{"type":"call"', b'{"a":1}}', b"[1,2", b"\xff\xfe",
                     b'{"type":"call","method":"ping","args":[{}]} x', b'"\xc3("', b"NaN",
                     b'{"a":"\\ud800"}', b"1e999"):
            with self.subTest(text=text):
                self.survives(amp.encode(b"j:" + text, b"s:1:1"))

    def test_json_of_the_wrong_kind(self):
        for text in (b"null", b"true", b"7", b'"x"', b"[]", b"[[]]", b"{}"):
            with self.subTest(text=text):
                self.survives(amp.encode(b"j:" + text, b"s:1:1"), closed=False)

    def test_json_that_is_deep(self):
        deep = b"[" * 100000 + b"]" * 100000
        self.survives(amp.encode(b'j:{"type":"call","method":"ping","args":' + deep + b"}", b"s:1"))

    def test_body_that_is_no_json(self):
        self.survives(amp.encode(b"s:hello", b"s:1:1"))
        self.survives(amp.encode(b"\x00\x01\x02", b"s:1:1"))

    def test_one_argument_only(self):
        self.survives(amp.encode(b'j:{"type":"call","method":"ping","args":[{}]}'))

    def test_nul_bytes_in_strings(self):
        rpc = self.world.rpc()
        body = rpc.reply(rpc.request("sendSignalToProcessName", {"process_name": "a\0b", "signal": "INT"}))
        self.assertIn("error", body)


@ours_only
class Slow(Case):
    def test_a_client_that_never_reads_is_cut_off_or_held(self):
        self.world.pm2("start", "sleep", "--", "1000")
        deaf = self.world.rpc()
        deaf.sock.settimeout(0.2)
        call = b'j:{"type":"call","method":"getMonitorData","args":[{}]}'
        request = b"".join(amp.encode(call, b"s:%d" % i) for i in range(1000))
        before = rss_bytes(self.before)
        sent = 0
        try:
            while sent < 200:
                deaf.send(request)
                sent += 1
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        self.assertLess(sent, 200, "200,000 calls were taken without an answer being read")
        self.assertEqual(self.world.rpc().call("ping", {}), {"msg": "pong"})
        # LIMIT_RPC_OUT_BYTES and as much again for the calls under way
        if "ASAN_OPTIONS" not in os.environ:  # it keeps freed memory back for a while
            self.assertLess(rss_bytes(self.before) - before, 160 * MEGABYTE)

    def test_more_connections_than_allowed(self):
        limit = 2048
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < limit + 200:
            raise unittest.SkipTest("not enough file descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit + 200), hard))
        first = self.world.rpc()
        crowd = []
        for _ in range(limit + 50):
            wire = Rpc.__new__(Rpc)
            wire.sock = socket.socket(socket.AF_UNIX)
            wire.sock.settimeout(10)
            amp.connect(wire.sock, first.sock.getpeername())
            crowd.append(wire)
        self.assertEqual(first.call("ping", {}), {"msg": "pong"})
        for wire in crowd:
            wire.close()
        wait_until(self.accepts_again, "room for new clients")

    def accepts_again(self):
        try:
            return self.world.rpc().call("ping", {}, seconds=1)
        except (Closed, BrokenPipeError, TimeoutError):
            return False
