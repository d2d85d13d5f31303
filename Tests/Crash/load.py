# SPDX-License-Identifier: Apache-2.0
# A load of random commands from many connections, half of which do not wait for replies; a ledger keeps what they did.

import collections
import random
import selectors
import socket
import threading
import time

from ledger import JOB_CHANGES, LONG, SHARED_TUBES, SLACK, Operation, body_difference, body_of, key_in
from service import Failed, Replies, fields, transfer


class Connection:
    """One of the load's. It sends before the earlier replies have come, up to `depth` commands."""

    def __init__(self, load, index, depth, address):
        self.load, self.ledger, self.index, self.depth = load, load.ledger, index, depth
        self.number = self.ledger.tick()
        self.random = random.Random(f"{load.seed} {index}")
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.outgoing = bytearray()
        self.expected = collections.deque()
        self.replies = Replies()
        self.open = True
        self.used = None
        self.tube, self.paused_tube = f"own-{index}", f"paused-{index}"
        self.anchor = None
        self.held, self.parked, self.own = [], [], []
        for tube in (self.tube, self.paused_tube, *SHARED_TUBES):
            self.send(f"watch {tube}\r\n".encode(), Operation("watch", self.number, self.ledger.tick()))
        self.send(b"ignore default\r\n", Operation("watch", self.number, self.ledger.tick()))

    def take_over(self, job):
        """A job of an earlier load, of which this one is the actor now."""
        if job.tube in (self.tube, self.paused_tube):
            self.own.append(job)
        if job.anchor:
            self.anchor = job
        elif job.state.kind == "buried" or job.state.kind == "delayed" and job.state.delay >= LONG:
            self.parked.append(job)

    def send(self, data, operation):
        self.outgoing += data
        self.expected.append(operation)

    # Sending

    def fill(self):
        while len(self.expected) < self.depth and len(self.outgoing) < 1 << 18:
            self.send_something()

    def send_something(self):
        roll = self.random.random()
        crowded = len(self.ledger.jobs) > self.load.limit
        if roll < 0.02 and self.anchor:
            self.send_pause()
        elif roll < 0.07:
            self.send_look()
        elif roll < 0.25 and len(self.held) < 40:
            self.send(b"reserve-with-timeout 0\r\n", Operation("reserve", self.number, self.ledger.tick()))
        elif roll < 0.50 and self.held:
            self.act_on_held(self.random.random() + (0.3 if crowded else 0))
        elif roll < 0.62 and len(self.parked) > self.random.randrange(80):
            job = self.take(self.parked)
            if not job.doomed:
                self.change(job, self.random.choice(("delete", "delete", "kick-job", "kick-job", "reserve-job")))
        elif (roll < 0.66 or crowded) and self.own:
            # In whatever state it is: nobody else can have it.
            job = self.take(self.own)
            if not job.doomed and not job.anchor:
                self.change(job, "delete")
        else:
            self.send_put()

    def take(self, jobs):
        index = self.random.randrange(len(jobs))
        jobs[index], jobs[-1] = jobs[-1], jobs[index]
        return jobs.pop()

    def any_delay(self):
        roll = self.random.random()
        if roll < 0.7:
            return 0
        return self.random.randrange(1, 4) if roll < 0.74 else self.random.randrange(LONG, 1_000_000)

    def any_priority(self):
        return self.random.choice((0, 1, 1023, 1024, 4294967295, self.random.randrange(1 << 32)))

    def send_put(self):
        # An empty tube is forgotten, and its pause with it: so one job stays.
        anchor = self.anchor is None
        tube = self.random.choice((self.tube, self.tube, self.paused_tube, self.random.choice(SHARED_TUBES)))
        size = self.random.choice((self.random.randrange(24), self.random.randrange(300), self.random.randrange(3000), 20_000))
        if size == 20_000:
            size = self.random.randrange(20_001)
        if tube in SHARED_TUBES:
            size = max(size, 24)
        delay = self.any_delay()
        if anchor:
            tube, delay = self.paused_tube, self.random.randrange(LONG, 1_000_000)
        job = self.ledger.new_job(tube, size)
        if anchor:
            self.anchor, job.anchor = job, True
        if self.used != tube:
            self.used = tube
            self.send(f"use {tube}\r\n".encode(), Operation("use", self.number, self.ledger.tick()))
        operation = Operation("put", self.number, self.ledger.tick(), job, tube, self.any_priority(), delay)
        job.pending.append(operation)
        line = b"put %d %d %d %d\r\n" % (operation.priority, delay, job.ttr, size)
        self.send(line + body_of(job.key, size) + b"\r\n", operation)

    def change(self, job, kind, delay=0):
        operation = Operation(kind, self.number, self.ledger.tick(), job, job.tube, self.any_priority(), delay)
        job.pending.append(operation)
        arguments = {"release": f" {operation.priority} {delay}", "bury": f" {operation.priority}"}.get(kind, "")
        if kind == "delete":
            job.doomed = True
        self.send(f"{kind} {job.id}{arguments}\r\n".encode(), operation)

    def act_on_held(self, roll):
        job = self.take(self.held)
        if job.doomed:
            return
        parked = True
        if roll < 0.1:
            self.send(f"touch {job.id}\r\n".encode(), Operation("touch", self.number, self.ledger.tick(), job))
            self.held.append(job)
            return
        if roll < 0.35:
            delay = self.any_delay()
            self.change(job, "release", delay)
            parked = delay >= LONG
        elif roll < 0.6:
            self.change(job, "bury")
        else:
            return self.change(job, "delete")
        if not parked:
            return
        # Sometimes what follows does not wait for the answer.
        roll = self.random.random()
        if roll < 0.2:
            self.change(job, "kick-job")
        elif roll < 0.3:
            self.change(job, "delete")
        else:
            self.parked.append(job)

    def send_pause(self):
        seconds = self.random.choice((0, 0, self.random.randrange(LONG, 1_000_000)))
        operation = Operation("pause-tube", self.number, self.ledger.tick(), tube=self.paused_tube, delay=seconds)
        self.ledger.pauses[self.paused_tube].pending.append(operation)
        self.send(f"pause-tube {self.paused_tube} {seconds}\r\n".encode(), operation)

    def send_look(self):
        """Looks at a job, most often at one that another connection has just changed."""
        recent = self.load.recent
        if recent:
            job = recent[self.random.randrange(len(recent))]
            if job.id is not None:
                kind = self.random.choice(("peek", "stats-job"))
                self.send(f"{kind} {job.id}\r\n".encode(), Operation(kind, self.number, self.ledger.tick(), job))

    # Receiving

    def receive(self, words, data):
        ledger, operation = self.ledger, self.expected.popleft()
        kind, job, now = operation.kind, operation.job, ledger.tick()
        if kind == "put":
            self.answered_put(operation, words, now)
        elif kind == "reserve":
            self.answered_reserve(operation, words, data, now)
        elif kind in JOB_CHANGES:
            if job.id in ledger.suspects:
                return
            if words[0] != JOB_CHANGES[kind]:
                return ledger.wrong(f"{kind} {job.id} was answered {' '.join(words)}", job)
            if not operation.settled:
                job.settle(operation, now)
            self.load.recent.append(job)
            if kind == "reserve-job":
                if data != body_of(job.key, job.size):
                    return ledger.wrong(f"{job} was given out, and {body_difference(data, job)}", job)
                if not job.doomed:
                    self.held.append(job)
                return
            if kind == "delete":
                ledger.deletes += 1
                self.load.forget(job)
            ledger.changes += 1
        elif kind == "pause-tube":
            if words != ["PAUSED"]:
                return ledger.wrong(f"pause-tube {operation.tube} was answered {' '.join(words)}")
            pause = ledger.pauses[operation.tube]
            pause.pending.popleft()
            pause.low = operation.sent_at + operation.delay if operation.delay else 0
            pause.high = time.time() + operation.delay if operation.delay else 0
        elif kind in ("peek", "stats-job"):
            self.answered_look(operation, words, data, now)
        elif kind == "touch":
            if words != ["TOUCHED"] and job.id not in ledger.suspects:
                ledger.wrong(f"touch {job.id} was answered {' '.join(words)}", job)
        elif words[0] not in ("USING", "WATCHING"):
            ledger.wrong(f"{kind} was answered {' '.join(words)}")

    def answered_put(self, operation, words, now):
        ledger, job = self.ledger, operation.job
        if words == ["OUT_OF_MEMORY"]:
            ledger.nameless.pop(job.key, None)
            ledger.refused.add(job.key)
            if self.anchor is job:
                self.anchor = None
            return
        if words[0] != "INSERTED":
            return ledger.wrong(f"put was answered {' '.join(words)}", job)
        ledger.name(job, int(words[1]))
        if not operation.settled:
            job.settle(operation, now)
        ledger.puts += 1
        self.load.recent.append(job)
        if job.anchor:
            # From here on it is checked, also that it is not paused.
            ledger.pauses[job.tube]
        # A job in a shared tube may be another's by now.
        if job.tube not in SHARED_TUBES:
            self.own.append(job)
        if operation.delay >= LONG and not job.anchor:
            self.parked.append(job)

    def answered_reserve(self, operation, words, data, now):
        ledger = self.ledger
        if words == ["TIMED_OUT"]:
            return
        if words[0] != "RESERVED":
            return ledger.wrong(f"reserve-with-timeout 0 was answered {' '.join(words)}")
        identity = int(words[1])
        if identity in ledger.suspects:
            return
        job = ledger.jobs.get(identity) or ledger.nameless.get(key_in(data))
        if job is None and identity in self.load.deleted and self.load.deleted[identity].gone > operation.sent:
            # This connection's delete came after, and another has seen what it did before this one reads its replies.
            return
        if job is None:
            what = "it was deleted" if identity in ledger.gone else "nobody has put it"
            ledger.wrong(f"job {identity} was given out, but {what}")
            ledger.suspects[identity] = None
            return
        if job.id is None:
            ledger.name(job, identity)
        while job.pending and job.pending[0].sent < operation.sent or job.pending and job.pending[0].sender != self.number:
            # Whoever sent it can have done nothing after, since the job was given away.
            job.settle(job.pending[0], now)
        state = job.state
        if data != body_of(job.key, job.size):
            return ledger.wrong(f"{job} was given out, and {body_difference(data, job)}", job)
        if not state.there or state.kind == "buried" or state.kind == "delayed" and state.low > time.time() + SLACK:
            return ledger.wrong(f"{job} was given out, but it is {state.kind if state.there else 'deleted'}", job)
        if state.kind == "reserved":
            return ledger.wrong(f"{job} was given out twice", job)
        if job.tube == self.paused_tube and ledger.pauses[job.tube].low > time.time() + SLACK:
            return ledger.wrong(f"{job} was given out, but its tube is paused", job)
        state.kind, state.before, state.reserves = "reserved", None, state.reserves + 1
        job.story.append("reserve")
        if not job.doomed:
            self.held.append(job)

    def answered_look(self, operation, words, data, now):
        ledger, job = self.ledger, operation.job
        if job.id in ledger.suspects:
            return
        if words == ["NOT_FOUND"]:
            last = job.pending[-1] if job.pending else None
            if last and last.kind == "delete":
                job.settle(last, now)
                self.load.forget(job)
            elif job.state.there:
                ledger.wrong(f"{operation.kind} {job.id} was answered NOT_FOUND", job)
        elif job.gone and job.gone < operation.sent:
            ledger.wrong(f"{operation.kind} {job.id} was answered {' '.join(words)} after the delete was", job)
        elif operation.kind == "peek":
            if words[0] != "FOUND" or data != body_of(job.key, job.size):
                ledger.wrong(f"peek {job.id} was answered {' '.join(words)}; {body_difference(data, job)}", job)
        elif words[0] != "OK":
            ledger.wrong(f"stats-job {job.id} was answered {' '.join(words)}", job)
        else:
            seen = fields(data)
            changes = int(seen["releases"]) + int(seen["buries"]) + int(seen["kicks"])
            state = job.state
            while job.pending and state.releases + state.buries + state.kicks < changes:
                job.settle(job.pending[0], now)
            if state.releases + state.buries + state.kicks < changes:
                ledger.wrong(f"stats-job {job.id} shows {changes} releases, buries and kicks", job)


class Load:
    def __init__(self, ledger, address, seed, connections=12, limit=1200):
        self.ledger, self.seed, self.limit = ledger, seed, limit
        self.recent = collections.deque(maxlen=40)
        self.deleted = {}
        chance = random.Random(f"{seed} depths")
        depths = [1 if index % 2 else chance.randrange(2, 49) for index in range(connections)]
        self.connections = [Connection(self, index, depth, address) for index, depth in enumerate(depths)]
        actors = {tube: connection for connection in self.connections for tube in (connection.tube, connection.paused_tube)}
        for job in ledger.jobs.values():
            (actors.get(job.tube) or self.connections[job.key % connections]).take_over(job)

    def run(self, seconds, kill=None):
        """Sends for that time. With `kill`, which is then called, goes on until the connections have ended; without it,
        waits for the replies that are missing."""
        selector = selectors.DefaultSelector()
        for connection in self.connections:
            connection.events = selectors.EVENT_READ
            selector.register(connection.socket, connection.events, connection)
        begin = time.monotonic()
        timer = threading.Timer(seconds, kill) if kill else None
        if timer:
            timer.start()
        try:
            while any(connection.open for connection in self.connections):
                passed = time.monotonic() - begin
                if passed > seconds + 60:
                    raise Failed("the server left commands unanswered for 60 s")
                sending = kill or passed < seconds
                if not sending and not any(connection.expected for connection in self.connections):
                    break
                for connection in self.connections:
                    if connection.open:
                        if sending:
                            connection.fill()
                        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.outgoing else 0)
                        if events != connection.events:
                            connection.events = events
                            selector.modify(connection.socket, events, connection)
                for key, events in selector.select(0.05):
                    if not transfer(key.data, events):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
                        key.data.open = False
        finally:
            if timer:
                timer.cancel()
                timer.join()
            selector.close()
            for connection in self.connections:
                connection.socket.close()
        self.end()

    def forget(self, job):
        if job.id not in self.deleted:
            self.ledger.forget(job)
            self.deleted[job.id] = job

    def end(self):
        ledger = self.ledger
        ledger.ended_at = time.time()
        ledger.in_flight = len(ledger.nameless)
        ledger.open_reserves = any(
            operation.kind == "reserve" for connection in self.connections for operation in connection.expected)
