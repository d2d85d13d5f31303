# SPDX-License-Identifier: Apache-2.0
# Watches the server's system calls, and checks that each INSERTED leaves after a sync of the log that began after the log
# had the job; and the same for what changes jobs.
#
#   trace.py TALKBACK [--sync MODE] [--must-fail]
#
# With --must-fail it succeeds when a reply leaves too early: with `--sync never`. Exits with 77 when strace may not trace.

import argparse
import collections
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading

from service import Client, Failed, Server, fields, talkback

CALLS = "pwrite64,write,writev,pwritev,pwritev2,fdatasync,fsync,sync_file_range,sendto,sendmsg,sendmmsg,recvfrom,recvmsg,read,readv"
LINE = re.compile(r"^(\d+) +[\d.]+ (.*)$")
BEGIN = re.compile(r"^(\w+)\((\d+)<(.*?)>(?:\(deleted\))?(?:, |\))", re.DOTALL)
UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
# The store's log, or SQLite's: larger groups are written to that alone.
LOG = re.compile(r"/jobs\.log$|-wal$")
KEY = re.compile(r"key-\d{8}-of-a-body")


class Call:
    """From the line on which it began to that on which it ended."""

    def __init__(self, name, descriptor, path, text, begin):
        self.name, self.descriptor, self.path, self.text, self.begin, self.end = name, descriptor, path, text, begin, None

    def succeeded(self):
        return re.search(r"\) += +\d", self.text[-60:]) is not None


def read(file):
    """The calls, in the order of their beginnings."""
    calls, waiting = [], {}
    with open(file, encoding="latin-1") as stream:
        for number, line in enumerate(stream):
            match = LINE.match(line.rstrip("\n"))
            if not match:
                continue
            thread, text = match.groups()
            if resumed := RESUMED.match(text):
                call = waiting.pop(thread, None)
                if call:
                    call.text += resumed[2]
                    call.end = number
                continue
            unfinished = text.endswith(UNFINISHED)
            if unfinished:
                text = text[: -len(UNFINISHED)]
            begin = BEGIN.match(text if not unfinished or "," in text else text + ")")
            if not begin:
                continue
            call = Call(begin[1], begin[2], begin[3], text, number)
            calls.append(call)
            if unfinished:
                waiting[thread] = call
            else:
                call.end = number
    return calls


def load(server, problems):
    """Puts from several connections, some of which do not wait, and then changes from one. Returns keys by id."""
    keys, changes = {}, []

    def puts(index):
        try:
            with Client(server.address, seconds=60) as client:
                for start in range(0, 50, 10 if index % 2 else 1):
                    names = [f"key-{index:02d}{number:06d}-of-a-body" for number in range(start, start + (10 if index % 2 else 1))]
                    bodies = [name + "." * (index * 37) for name in names]
                    client.send("".join(f"put 1 0 60 {len(body)}\r\n{body}\r\n" for body in bodies))
                    for name in names:
                        words, _ = client.reply()
                        if words[0] != "INSERTED":
                            raise Failed(f"put was answered {' '.join(words)}")
                        keys[int(words[1])] = name
        except (Failed, OSError) as problem:
            problems.append(str(problem))

    threads = [threading.Thread(target=puts, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        return keys, changes
    # Alone, so that a commit after the command can only be the command's.
    with Client(server.address, seconds=60) as client:
        for number in range(20):
            identity = client.ask("reserve\r\n")[0][1]
            for command, expected in (
                (f"release {identity} {number} 1000", "RELEASED"), (f"kick-job {identity}", "KICKED"),
                (f"reserve-job {identity}", "RESERVED"), (f"bury {identity} 7", "BURIED"), (f"delete {identity}", "DELETED"),
                (f"pause-tube default {1000 + number}", "PAUSED"), ("pause-tube default 0", "PAUSED"),
            ):
                words, _ = client.ask(command + "\r\n")
                if words[0] != expected:
                    problems.append(f"{command} was answered {' '.join(words)}")
                if expected != "RESERVED":
                    changes.append((command, expected))
        pid = int(fields(client.ask("stats\r\n")[1])["pid"])
        # strace ends by itself once the server has, and has written everything down by then.
        os.kill(pid, signal.SIGKILL)
    if server.wait(60) is None:
        problems.append("strace does not end")
    return keys, changes


def judge(calls, keys, changes):
    """What left too early, in words."""
    problems = []
    log_writes = [call for call in calls if call.name.startswith("pwrite") and LOG.search(call.path) and call.end]
    syncs = [call for call in calls if call.name in ("fdatasync", "fsync") and LOG.search(call.path) and call.end and call.succeeded()]
    sends = [call for call in calls if call.name in ("sendto", "sendmsg", "sendmmsg", "write", "writev") and "socket:" in call.path]
    receives = [
        call for call in calls if call.name in ("recvfrom", "recvmsg", "read", "readv") and "socket:" in call.path and call.end]
    if not log_writes or not sends:
        return ["the trace has no writes of the log or no replies"]
    first_write = {}
    for call in log_writes:
        for key in KEY.findall(call.text):
            first_write.setdefault(key, call)

    def was_synced(write, send):
        return any(sync.path == write.path and write.end < sync.begin and sync.end < send.begin for sync in syncs)

    seen = set()
    for send in sends:
        for identity in re.findall(r"INSERTED (\d+)\\r\\n", send.text):
            key = keys.get(int(identity))
            seen.add(int(identity))
            write = first_write.get(key)
            if write is None:
                problems.append(f"INSERTED {identity} left in line {send.begin + 1}; no write of the log has its body")
            elif not was_synced(write, send):
                problems.append(f"INSERTED {identity} left in line {send.begin + 1}; its body was written in line "
                                f"{write.begin + 1}, and no sync of the log was made in between")
    if seen != set(keys):
        problems.append(f"{len(keys)} puts were acknowledged, and the trace has {len(seen)} of the replies")

    # The last ones, which one connection made without anything beside.
    wanted = collections.deque(changes)
    at = 0
    for receive in receives:
        if not wanted or f'"{wanted[0][0]}\\r\\n"' not in receive.text:
            continue
        command, expected = wanted.popleft()
        send = next((call for call in sends if call.begin > receive.end and expected in call.text), None)
        if send is None:
            problems.append(f"{command}: the trace has no reply")
        elif not any(write.begin > receive.end and was_synced(write, send) for write in log_writes):
            problems.append(f"{expected} left in line {send.begin + 1}; {command} came in line {receive.end + 1}, and no write "
                            "of the log with a sync after it was made in between")
        at += 1
    if wanted:
        problems.append(f"of {len(changes)} changes only {at} are in the trace")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback")
    parser.add_argument("--sync", default="always")
    parser.add_argument("--must-fail", action="store_true")
    parser.add_argument("--keep", help="where the trace goes")
    options = parser.parse_args()
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        print("trace: skipped, nothing may be traced here")
        return 77
    with tempfile.TemporaryDirectory() as place:
        folder, file = os.path.join(place, "data"), options.keep or os.path.join(place, "trace")
        os.mkdir(folder)
        strace = ["strace", "-f", "-ttt", "-y", "-s", "100000", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", file]
        problems = []
        try:
            server = Server(strace + talkback(os.path.abspath(options.talkback), options.sync), folder)
            keys, changes = load(server, problems)
            server.kill()
            calls = read(file)
            problems = problems or judge(calls, keys, changes)
        except (Failed, OSError) as problem:
            sys.exit(f"trace: {problem}")
    for problem in problems[:3]:
        print(problem, file=sys.stderr)
    syncs = sum(call.name in ("fdatasync", "fsync") and LOG.search(call.path) is not None for call in calls)
    print(f"trace, --sync {options.sync}: {len(keys)} puts and {len(changes)} changes, {syncs} syncs of the log, "
          f"{len(problems)} replies too early")
    if options.must_fail:
        print("as it must, this was seen" if problems else "no reply was too early, and some must have been")
    return 1 if bool(problems) != options.must_fail else 0


if __name__ == "__main__":
    sys.exit(main())
