# SPDX-License-Identifier: Apache-2.0
# A load of pages, workers and those who cancel, for outcomes.py; a history keeps what they said and were told.

import collections
import random
import selectors
import socket
import time

from history import ENDS, Tags, body_of, content
from service import Failed, Replies, transfer

TUBES = ("one", "other")
PAGES, WORKERS, CANCELLERS = 6, 4, 1
KEEP = 3600
# Until something happens that has to happen.
PATIENCE = 30
# A kill may come with one of these, at once.
TRIGGERS = ("INSERTED", "RESERVED", "FINISHED", "RELEASED", "BURIED", "DELETED", "CANCELLED", "waiting", "running", *ENDS)


def any_size(chance, most):
    """Mostly small."""
    size = chance.choice((0, chance.randrange(1, 100), chance.randrange(4000), chance.randrange(4000), most))
    return chance.randrange(most) if size == most else size


def any_tags(chance, key):
    """Those of a key are always the same."""
    if key:
        chance = random.Random(key)
    return Tags(
        key=key, key_seconds=chance.choice((0, KEEP)) if key else 0, keep=KEEP if chance.random() < 0.85 else 0,
        attempts=chance.choice((0, 0, 0, 1, 2, 3, 4)), backoff=chance.choice((None, None, None, None, "0", "1:2")),
        leased=chance.random() < 0.1)


class Connection:
    """One that sends up to `depth` commands before the first is answered."""

    def __init__(self, load, name):
        self.load, self.history = load, load.history
        self.number = self.history.next()
        self.random = random.Random(f"{load.seed} {name}")
        self.depth = self.random.choice((1, 1, 2, 4))
        self.socket = socket.create_connection(load.address, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.outgoing = bytearray()
        self.expected = collections.deque()  # commands; None for those that nobody judges
        self.replies = Replies()
        self.used = None

    def fill(self):
        while len(self.expected) < self.depth and len(self.outgoing) < 1 << 18 and self.act():
            pass

    def send(self, kind, job=None, line=None, body=None, **rest):
        line = line or f"{kind} {job}"
        command = self.history.command(self.number, kind, job, line=line, **rest)
        self.outgoing += line.encode() + b"\r\n" + (b"" if body is None else body + b"\r\n")
        self.expected.append(command)
        return command

    def setting(self, line):
        self.outgoing += line.encode() + b"\r\n"
        self.expected.append(None)

    def receive(self, words, data):
        command = self.expected[0]
        is_more = command is not None and command.kind == "follow" and words[0] == "STATE" and words[2] not in ENDS
        if not is_more:
            self.expected.popleft()
        if command is None:
            if words[0] not in ("USING", "WATCHING"):
                raise Failed(f"use or watch was answered {' '.join(words)}")
            return
        self.history.reply(command, words, data)
        self.received(command, words)
        self.load.seen(words[2] if words[0] == "STATE" else words[0])

    def received(self, command, words):
        pass

    def any_job(self):
        jobs = self.load.jobs
        return self.random.choice(jobs[-20:] if self.random.random() < 0.8 else jobs) if jobs else None


class Page(Connection):
    """Puts jobs and asks what becomes of them, sometimes of others' too."""

    def act(self):
        roll, job = self.random.random(), self.any_job()
        if roll < 0.45 or job is None:
            self.send_put()
        elif roll < 0.60:
            self.send("follow", job, f"follow {job} 1")
        elif roll < 0.75:
            self.send("wait", job, f"wait {job} {self.random.choice((0, 1))}")
        elif roll < 0.92:
            self.send("state", job)
        elif roll < 0.96:
            self.send("cancel", job)
        else:
            self.send("delete", job)
        return True

    def send_put(self):
        tube = self.random.choice(TUBES)
        if tube != self.used:
            self.used = tube
            self.setting(f"use {tube}")
        # Keys of this round, and of earlier ones.
        number = max(0, self.load.number - self.random.choice((0, 0, 0, 1, 2, 5)))
        key = f"{number}/{self.random.randrange(12)}" if self.random.random() < 0.4 else None
        tags = any_tags(self.random, key)
        moment = self.history.next()
        body = body_of(moment, any_size(self.random, 5000))
        delay = 1 if self.random.random() < 0.05 else 0
        self.send("put", line=f"put 1 {delay} 60 {len(body)}{tags}", body=body, moment=moment, tube=tube, tags=tags,
                  data=body)

    def received(self, command, words):
        if words[0] == "INSERTED":
            self.load.add(int(words[1]))


class Canceller(Connection):
    def act(self):
        if not (job := self.any_job()):
            return False
        self.send("cancel" if self.random.random() < 0.5 else "state", job)
        return True


class Worker(Connection):
    """Has up to three jobs at a time, and says only one thing of each that ends the attempt."""

    def __init__(self, load, name):
        super().__init__(load, name)
        self.held = []
        for tube in TUBES:
            self.setting(f"watch {tube}")

    def act(self):
        if any(command and command.kind == "reserve" for command in self.expected):
            return False
        if not self.held or len(self.held) < 3 and self.random.random() < 0.3:
            seconds = 0 if self.held else 1
            self.send("reserve", line=f"reserve-with-timeout {seconds}")
            return True
        job = self.random.choice(self.held)
        roll = self.random.random()
        if roll < 0.25:
            text = self.random.choice(("", " page 3 of 7"))
            self.send("progress", job, f"progress {job} {self.random.randrange(101)}{text}", held=True)
        elif roll < 0.3:
            self.send("touch", job, held=True)
        else:
            self.held.remove(job)
            self.end(job, self.random.random())
        return True

    def end(self, job, roll):
        if roll < 0.4:
            self.finish(job, any_size(self.random, 200_000))
        elif roll < 0.48:
            self.send("delete", job, held=True)
        elif roll < 0.85:
            reason = content(f"reason {job}", self.history.moment, any_size(self.random, 4096))
            if self.random.random() < 0.5:
                reason = f"reason {job} {self.history.moment}".encode()
            when = self.random.choice(("never", "0", "0", "0:2", "1"))
            self.send("fail", job, f"fail {job} {when} {len(reason)}", reason, held=True, data=reason)
        elif roll < 0.95:
            self.send("release", job, f"release {job} 1 0", held=True)
        else:
            self.send("bury", job, f"bury {job} 1", held=True)

    def finish(self, job, size):
        result = content(f"result {job}", self.history.moment, size)
        self.send("finish", job, f"finish {job} {size}", result, held=True, data=result)

    def received(self, command, words):
        if words[0] == "RESERVED":
            self.held.append(int(words[1]))
            self.load.add(int(words[1]))
        elif words[0] in ("CANCELLED", "NOT_FOUND") and command.job in self.held:
            self.held.remove(command.job)


class Load:
    """Random commands until the kill: some time later, or at once with a certain reply."""

    def __init__(self, history, jobs, address, seed, number):
        self.history, self.jobs, self.address, self.seed, self.number = history, jobs, address, seed, number
        self.random = random.Random(f"{seed} load")
        self.trigger = self.random.choice((None, *TRIGGERS))
        self.countdown = self.random.randrange(1, 40)
        self.connections = [Page(self, f"page {index}") for index in range(PAGES)]
        self.connections += [Worker(self, f"worker {index}") for index in range(WORKERS)]
        self.connections += [Canceller(self, f"canceller {index}") for index in range(CANCELLERS)]
        self.made = len(self.connections)

    def add(self, job):
        if job not in self.jobs[-200:]:
            self.jobs.append(job)

    def seen(self, word):
        if word == self.trigger:
            self.countdown -= 1
            if self.countdown == 0:
                self.kill()

    def run(self, seconds, kill):
        def kill_once():
            if not self.is_killed:
                self.is_killed = True
                kill()

        self.is_killed, self.kill = False, kill_once
        begin = time.monotonic()
        with selectors.DefaultSelector() as selector:
            for connection in self.connections:
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            try:
                while self.connections:
                    passed = time.monotonic() - begin
                    if passed > seconds + PATIENCE:
                        raise Failed(f"the connections are open {PATIENCE} s after the kill")
                    if passed > seconds:
                        self.kill()
                    self.turn(selector)
            finally:
                for connection in self.connections:
                    connection.socket.close()

    def turn(self, selector):
        for connection in list(self.connections):
            if not self.is_killed:
                connection.fill()
            selector.modify(connection.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.outgoing else 0),
                            connection)
        for key, events in selector.select(0.01):
            connection = key.data
            goes_on = transfer(connection, events)
            if goes_on and isinstance(connection, Worker) and connection.held and connection.random.random() < 0.003:
                # A worker that dies.
                goes_on = False
                if not self.is_killed:
                    self.made += 1
                    self.connections.append(Worker(self, f"worker {self.made}"))
                    selector.register(self.connections[-1].socket, selectors.EVENT_READ, self.connections[-1])
            if not goes_on:
                selector.unregister(connection.socket)
                connection.socket.close()
                self.connections.remove(connection)
