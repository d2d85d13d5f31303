# SPDX-License-Identifier: Apache-2.0
# Gives beanstalkd and talkback the same bytes and compares what comes back.
#
#   compare.py TALKBACK BEANSTALKD
#
# beanstalkd 1.12 and 1.13 differ in which strings their statistics quote, so quotes are taken away, and in how they read
# the time of reserve-with-timeout, so no bad one is given. What tells of the
# process, the machine or the time is not compared.
#
# What talkback refuses on purpose, and beanstalkd executes, is in REFUSED: Documentation/protocol.md says why.

import os
import re
import socket
import subprocess
import sys
import tempfile
import time

NAME = "x" * 200
SCRIPTS = {
    "a job's life": [
        "put 5 0 60 5\r\nhello\r\n", "put 1 0 60 3\r\nabc\r\n", "put 0 100 60 1\r\nd\r\n", "reserve\r\n",
        "reserve-with-timeout 0\r\n", "reserve-with-timeout 0\r\n", "stats-job 1\r\n", "stats-job 2\r\n", "stats-job 3\r\n",
        "touch 1\r\n", "touch 3\r\n", "touch 99\r\n", "bury 1 9\r\n", "bury 1 9\r\n", "release 2 7 0\r\n",
        "release 2 7 0\r\n", "peek-ready\r\n", "peek-buried\r\n", "peek-delayed\r\n", "peek 3\r\n", "peek 77\r\n",
        "stats-tube default\r\n", "kick 10\r\n", "kick 10\r\n", "kick 10\r\n", "kick-job 1\r\n", "reserve-job 3\r\n",
        "reserve-job 3\r\n", "stats-job 3\r\n", "release 3 0 50\r\n", "stats-job 3\r\n", "kick-job 3\r\n", "delete 1\r\n",
        "delete 1\r\n", "delete 2\r\n", "delete 3\r\n", "stats\r\n",
    ],
    "tubes": [
        "list-tubes\r\n", "use foo\r\n", "list-tube-used\r\n", "watch bar\r\n", "watch bar\r\n", "list-tubes-watched\r\n",
        "list-tubes\r\n", "ignore default\r\n", "ignore bar\r\n", "ignore nope\r\n", "list-tubes-watched\r\n",
        "stats-tube foo\r\n", "stats-tube nope\r\n", "pause-tube foo 3\r\n", "stats-tube foo\r\n", "pause-tube foo 0\r\n",
        "stats-tube foo\r\n", "pause-tube nope 3\r\n", f"use {NAME}\r\n", f"pause-tube {NAME} 4294967295\r\n",
        "watch a\r\nwatch b\r\nwatch c\r\nwatch d\r\n", "list-tubes\r\n", "ignore a\r\n", "list-tubes\r\n",
        "list-tubes-watched\r\n", "use default\r\n", "list-tubes\r\n",
    ],
    "errors": [
        "put 0 0 1 65536\r\n" + "x" * 65538, "put 0 0 1 65536x\r\n" + "\r\n" * 32769, "put 0 0 1 3\r\nABCDE\r\n",
        "put x\r\n", "put 0 0 1\r\n", "put 0 0 1 1 1\r\n", "put -1 0 1 1\r\n", "put 1a0 0 1 1\r\n", "put\r\n", "\r\n",
        "bogus\r\n", "RESERVE\r\n", " reserve\r\n", "use -x\r\n", "use  foo\r\n", "use foo \r\n", "use a:b\r\n", "use \r\n",
        f"use {NAME}x\r\n", "reserve \r\n", "reservexyz\r\n", "reserve-with-timeout\r\n",
        "delete x\r\n", "delete\r\n", "delete 5 \r\n", "delete -1\r\n", "delete 18446744073709551615\r\n",
        "delete 18446744073709551616\r\n", "peek   1\r\n", "kick\r\n", "kick x\r\n", "kick 5 and more\r\n", "statsx\r\n",
        "stats-foo\r\n", "list-tubes-foo\r\n", "pause-tube foo\r\n", "touch \r\n", "release 1 2\r\n", "bury 1\r\n",
        "a\0b\r\n", "use " + "y" * 230 + "\r\n", "use " + "y" * 5000 + "\r\n", "stats\n\r\n",
    ],
    "bodies": [
        "put 0 0 0 0\r\n\r\n", "put 4294967295 0 4294967295 2\r\n\r\n\r\n", "reserve\r\n", "reserve\r\n", "stats-job 1\r\n",
        "put 0 0 60 65535\r\n" + "z" * 65535 + "\r\n", "peek 3\r\n", "put   0   0   1   1\r\na\r\n",
        "put 0 0 1 1\r\na\r\nput 0 0 1 1\r\nb\r\nput 0 0 1 1\r\nc\r\n", "reserve\r\nreserve\r\nreserve\r\n",
    ],
    "a deadline": ["put 0 0 1 1\r\nx\r\n", "reserve\r\n", "reserve-with-timeout 5\r\n", "reserve-with-timeout 0\r\n"],
    # Only the first line can be that of a request.
    "an empty line first": ["\r\n", "\r\nPOST / HTTP/1.1\r\n"],
    "no command first": ["bogus / and more\r\n", "POST / HTTP/1.1\r\n"],
    "capital letters first": ["RESERVE\r\n", "x / HTTP/1.1\r\n"],
    "a space first": [" POST / HTTP/1.1\r\n"],
    "good-bye": ["put 0 0 1 1\r\nx\r\npeek 1\r\nquit\r\nstats\r\n"],
}
# First lines, behind which a put is sent.
REFUSED = [
    "GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n", "OPTIONS / HTTP/1.1\r\n\r\n", "GET /\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "patch / HTTP/1.1\r\n\r\n", "M-SEARCH * HTTP/1.1\r\n\r\n", "\r\n\nPOST / HTTP/1.1\r\n\r\n",
    "\x16\x03\x01\r\n", "\0\x03\r\n", "\x7f\r\n", "\xff\r\n",
]
SAME_ANYWHERE = re.compile(
    rb"^(age|time-left|pause-time-left|pid|version|rusage-utime|rusage-stime|uptime|binlog-\S+|id|hostname|os|platform|file): .*$", re.MULTILINE
)


class Server:
    """One of the two, on a port that was free a moment ago."""

    def __init__(self, command, port):
        self.port = port
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.errors)
        for _ in range(200):
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"{command[0]} does not listen")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# What ends a step: three commands that change nothing, with replies that no step has in this order.
END = b"peek 18446744073709551614\r\nlist-tube-used\r\npeek 18446744073709551614\r\n"
END_REPLIES = re.compile(rb"NOT_FOUND\r\nUSING \S+\r\nNOT_FOUND\r\n\Z")


def exchange(connection, text, in_pieces):
    """Sends a step, and returns what comes back."""
    data = text.encode("latin-1") + END
    if in_pieces:
        for index in range(len(data)):
            connection.sendall(data[index : index + 1])
    else:
        connection.sendall(data)
    reply = b""
    while not END_REPLIES.search(reply):
        piece = connection.recv(65536)
        if not piece:
            return reply + b"<the end>"
        reply += piece
    return reply


# What beanstalkd's statistics do not have, behind all that they have.
OWN_STATISTICS = re.compile(rb'(?<=\nplatform: )(\S+\n)cmd-progress: \d+\n(?:[a-z-]+: \d+\n)*')


def compared(reply):
    reply = OWN_STATISTICS.sub(rb"\1", reply)
    reply = SAME_ANYWHERE.sub(rb"\1: *", reply)
    reply = re.sub(rb'"', b"", reply)
    return re.sub(rb"^OK \d+\r\n", b"OK *\r\n", reply, flags=re.MULTILINE)


def transcript(command, in_pieces):
    result = []
    for name, steps in SCRIPTS.items():
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            server = Server([part.format(port=port, folder=folder) for part in command], port)
            try:
                with server.connect() as connection:
                    for step in steps:
                        small = in_pieces and len(step) < 1000
                        result.append((name, step, exchange(connection, step, small)))
            finally:
                server.stop()
    return result


def refusals(command, in_pieces):
    """What each of REFUSED is answered, and whether a job is there then."""
    result = []
    for text in REFUSED:
        port = free_port()
        with tempfile.TemporaryDirectory() as folder:
            server = Server([part.format(port=port, folder=folder) for part in command], port)
            try:
                with server.connect() as connection:
                    data = text.encode("latin-1") + b"put 0 0 60 1\r\nx\r\nquit\r\n"
                    try:
                        for piece in [data[index : index + 1] for index in range(len(data))] if in_pieces else [data]:
                            connection.sendall(piece)
                    except ConnectionError:
                        pass
                    reply = b""
                    while piece := connection.recv(65536):
                        reply += piece
                with server.connect() as connection:
                    result.append((text, reply, exchange(connection, "peek 1\r\n", False).startswith(b"FOUND")))
            finally:
                server.stop()
    return result


def main():
    talkback, beanstalkd = sys.argv[1:]
    ours = [talkback, "serve", "--listen", "127.0.0.1:{port}", "--max-job-size", "65535"]
    theirs = [beanstalkd, "-l", "127.0.0.1", "-p", "{port}"]
    expected = transcript(theirs, in_pieces=False)
    problems = 0
    for text, reply, is_there in refusals(theirs, False):
        if not is_there:
            problems += 1
            print(f"beanstalkd does not execute what is behind {text!r}: {reply!r}", file=sys.stderr)
    for in_pieces in (False, True):
        for text, reply, is_there in refusals(ours + ["--memory"], in_pieces):
            # Empty lines are answered as ever.
            if reply not in (b"", b"UNKNOWN_COMMAND\r\n" if text.startswith("\r\n") else b"") or is_there:
                problems += 1
                print(f"talkback answers {text!r} with {reply!r}", file=sys.stderr)
    for storage in (["--memory"], ["--data", "{folder}"]):
        for in_pieces in (False, True):
            for (name, step, want), (_, _, got) in zip(expected, transcript(ours + storage, in_pieces)):
                if compared(want) != compared(got):
                    problems += 1
                    print(f"{name}, {storage[0]}: {step[:60]!r}", file=sys.stderr)
                    print(f"  beanstalkd {compared(want)[:900]!r}\n  talkback   {compared(got)[:900]!r}", file=sys.stderr)
    print(f"{len(expected)} steps, in memory and on disk, whole and byte by byte: {problems} differences")
    print(f"{len(REFUSED)} beginnings that beanstalkd executes and talkback refuses")
    sys.exit(1 if problems else 0)


main()
