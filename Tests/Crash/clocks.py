# SPDX-License-Identifier: Apache-2.0
"""Starts talkback again and again with the clocks set by faketime(1), after it was stopped and after it was killed.

With only the wall clock set, delays, pauses and the lives of outcomes go on as if nothing had happened. With all clocks set, which
is as if another machine had the folder, nothing has more left than it was given, and nothing is younger than new.

    clocks.py TALKBACK
"""

import os
import shutil
import signal
import sys
import tempfile
import time

from service import Client, Server, fields, talkback

STEPS = ["-1y", "+1y", "-1h", "+1h", "+0"]
DELAY = 100


class Wrong(Exception):
    """A time is not what it should be."""


def now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def start(program, step, folder, sets_all):
    command = ["faketime", "-f", step, *talkback(program)]
    return Server(command, folder, {} if sets_all else {"FAKETIME_DONT_FAKE_MONOTONIC": "1"})


def end(server, number):
    """faketime waits for the program that it has started, and takes away what it has in /dev/shm."""
    faketime = server.process.pid
    with open(f"/proc/{faketime}/task/{faketime}/children", encoding="ascii") as children:
        for child in children.read().split():
            os.kill(int(child), number)
    if server.wait(30) is None:
        raise Wrong("the server did not end")


def fill(server):
    with Client(server.address) as client:
        for command, word in (
            (f"put 0 {DELAY} 60 1\r\nx\r\n", "INSERTED"),
            (f"put 0 0 60 1 keep:{DELAY} idp:k:{DELAY}\r\nx\r\n", "INSERTED"),
            ("reserve-job 2\r\n", "RESERVED"),
            ("delete 2\r\n", "DELETED"),
            ("put 0 0 60 1\r\nx\r\n", "INSERTED"),
            ("reserve-job 3\r\n", "RESERVED"),
            (f"release 3 0 {DELAY}\r\n", "RELEASED"),
            (f"pause-tube default {DELAY}\r\n", "PAUSED"),
        ):
            words, _ = client.ask(command)
            if words[0] != word:
                raise Wrong(f"{command!r} is answered {words}")


def check(server, start, is_exact):
    def compare(name, value, exact):
        passed = now() - start
        right = (DELAY - passed if exact == "left" else passed) if is_exact else DELAY / 2
        if not (right - 2 <= value <= right + 2 if is_exact else value >= 0 and (exact == "age" or value <= DELAY)):
            raise Wrong(f"{name} is {value} after {passed:.1f} s")

    with Client(server.address) as client:
        for job in (1, 3):
            facts = fields(client.ask(f"stats-job {job}\r\n")[1])
            if is_exact and facts["state"] != "delayed":
                raise Wrong(f"job {job} is {facts['state']}")
            compare(f"time-left of job {job}", int(facts["time-left"]), "left")
            compare(f"age of job {job}", int(facts["age"]), "age")
        facts = fields(client.ask("stats-tube default\r\n")[1])
        compare("pause-time-left", int(facts["pause-time-left"]), "left")
        words, _ = client.ask("state 2\r\n")
        if words[0] == "STATE":
            compare("since", int(words[5]), "age")
        elif is_exact:
            raise Wrong(f"state 2 is answered {words}")
        uptime = int(fields(client.ask("stats\r\n")[1])["uptime"])
        if not 0 <= uptime <= 60:
            raise Wrong(f"uptime is {uptime}")


def run(program, first, number, sets_all):
    folder = tempfile.mkdtemp()
    try:
        server = start(program, first, folder, sets_all)
        began = now()
        fill(server)
        check(server, began, True)
        for step in STEPS:
            time.sleep(0.3)
            end(server, number)
            server = start(program, step, folder, sets_all)
            try:
                check(server, began, not sets_all)
            except Wrong as wrong:
                raise Wrong(f"then {step}: {wrong}") from None
        end(server, signal.SIGTERM)
    finally:
        shutil.rmtree(folder)


def main():
    if shutil.which("faketime") is None:
        sys.exit("clocks.py: there is no faketime, which is in Debian's package of this name")
    failures = 0
    for sets_all in (False, True):
        for number in (signal.SIGTERM, signal.SIGKILL):
            for first in STEPS:
                what = f"{'all clocks' if sets_all else 'the wall clock'} at {first}, {number.name}"
                try:
                    run(sys.argv[1], first, number, sets_all)
                    print(f"ok    {what}")
                except Wrong as wrong:
                    failures += 1
                    print(f"FAIL  {what}, {wrong}")
    print(f"clocks.py: {failures or 'no'} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
