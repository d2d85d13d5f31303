# SPDX-License-Identifier: Apache-2.0
"""Commands a second of talkback work and of xargs -P: see run."""

import socket
import statistics
import subprocess
import sys
import tempfile
import time

COMMANDS = 3000


class Queue:
    """The daemon, and what is asked of it beside the worker."""

    def __init__(self, talkback):
        self.folder = tempfile.TemporaryDirectory()
        path = self.folder.name + "/s"
        self.address = "unix:" + path
        self.process = subprocess.Popen(
            [talkback, "serve", "--memory", "--listen", self.address], stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(path)
        self.stream = connection.makefile("rwb")
        self.ask(b"use t\r\n")

    def ask(self, command, replies=1):
        self.stream.write(command)
        self.stream.flush()
        return [self.stream.readline() for _ in range(replies)]

    def fill(self, count):
        self.ask(b"put 0 0 60 1\r\nx\r\n" * count, count)

    def left(self):
        size = int(self.ask(b"stats-tube t\r\n")[0].split()[1])
        lines = self.stream.read(size + 2).decode().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(("current-jobs-rea", "current-jobs-res")))

    def end(self):
        self.process.terminate()
        self.process.wait()


def xargs(concurrency):
    words = "x\n" * COMMANDS
    start = time.monotonic()
    subprocess.run(["xargs", "-P", str(concurrency), "-n", "1", "true"], input=words, text=True, check=True)
    return COMMANDS / (time.monotonic() - start)


def work(talkback, queue, concurrency):
    queue.fill(COMMANDS)
    start = time.monotonic()
    worker = subprocess.Popen(
        [talkback, "work", "--address", queue.address, "--tube", "t", "--concurrency", str(concurrency), "--", "true"],
        stderr=subprocess.DEVNULL)
    while queue.left() > 0:
        if worker.poll() is not None or time.monotonic() - start > 120:
            raise SystemExit("the worker does not do its work")
        time.sleep(0.005)
    rate = COMMANDS / (time.monotonic() - start)
    worker.terminate()
    worker.wait()
    return rate


def main():
    talkback = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    queue = Queue(talkback)
    try:
        for concurrency in [int(text) for text in sys.argv[3:]] or [1, 4]:
            results = [(xargs(concurrency), work(talkback, queue, concurrency)) for _ in range(rounds)]
            print("%d at a time: xargs %.0f/s, talkback work %.0f/s, ratio %.2f" % (
                concurrency, *(statistics.median(column) for column in zip(*results)),
                statistics.median(mine / theirs for theirs, mine in results)), flush=True)
    finally:
        queue.end()


main()
