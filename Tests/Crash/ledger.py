# SPDX-License-Identifier: Apache-2.0
# A ledger of what was sent and what was acknowledged (load.py writes it), and a check of a server against it.
#
#   ledger.py --self-test COMMAND...     shows that the check finds what is wrong; {folder} and {port} as in service.py
#
# Every job has one actor at a time: whoever reserved it, or the only connection that uses its tube, or who buried or
# delayed it. So what was sent about a job has an order, and after a crash its state must be the one after all that was
# acknowledged and some beginning of what was not. A reply that shows a change of another connection acknowledges it.

import collections
import copy
import hashlib
import random
import sys
import time

from service import Client, fields

# The time to run tells of which put a job is, also where its body is too short to.
FIRST_TTR = 100_000
SHARED_TUBES = ("shared-0", "shared-1", "shared-2")
# A short delay may end while nobody looks; from this on, it cannot within a test.
LONG = 10_000
# What clocks, truncation to seconds and a busy machine may do to a time.
SLACK = 1.5
JOB_CHANGES = {"release": "RELEASED", "bury": "BURIED", "kick-job": "KICKED", "delete": "DELETED", "reserve-job": "RESERVED"}


def body_of(key, size):
    if size < 24:
        return hashlib.shake_128(b"%d" % key).digest(size)
    return b"<%015d %06d>" % (key, size) + hashlib.shake_128(b"%d" % key).digest(size - 24)


def body_difference(found, job):
    expected = body_of(job.key, job.size)
    if found is None or len(found) != len(expected):
        return f"the body is {found and len(found)} bytes, not {len(expected)}"
    first = next((index for index, (one, other) in enumerate(zip(found, expected)) if one != other), None)
    return f"the body is {found[first:][:20]!r} from byte {first} of {len(found)} on, not {expected[first:][:20]!r}"


def key_in(body):
    return int(body[1:16]) if len(body) >= 24 and body[:1] == b"<" and body[1:16].isdigit() else None


class Operation:
    """A command that was sent. Times are of the wall clock; moments count what the load did, in order."""

    __slots__ = ("kind", "job", "tube", "priority", "delay", "sender", "sent", "sent_at", "done", "done_at", "settled")

    def __init__(self, kind, sender, sent, job=None, tube=None, priority=0, delay=0):
        self.kind, self.sender, self.sent, self.job, self.tube = kind, sender, sent, job, tube
        self.priority, self.delay, self.sent_at = priority, delay, time.time()
        self.done, self.done_at, self.settled = None, None, False

    def __str__(self):
        if self.kind in ("put", "release"):
            return f"{self.kind} with priority {self.priority} and delay {self.delay}"
        return f"{self.kind} with priority {self.priority}" if self.kind == "bury" else self.kind


class State:
    """What a job should be after some of its operations."""

    def __init__(self):
        self.there, self.kind, self.priority, self.delay = False, "ready", 0, 0
        self.before = None  # what a reserved job was: a restart may find it so still
        self.low, self.high = 0, 0  # when the delay ends
        self.put_low, self.put_high = 0, 0
        self.reserves, self.least_reserves, self.releases, self.buries, self.kicks = 0, 0, 0, 0, 0
        self.stamp = None  # the operation that buried it

    def apply(self, operation, done_at):
        kind = operation.kind
        if kind == "put":
            self.there, self.put_low, self.put_high = True, operation.sent_at, done_at
        elif kind == "delete":
            self.there = False
        elif kind == "release":
            self.releases += 1
        elif kind == "bury":
            self.buries, self.kind, self.priority, self.stamp = self.buries + 1, "buried", operation.priority, operation
        elif kind == "kick-job":
            self.kicks, self.kind = self.kicks + 1, "ready"
        elif kind == "reserve-job":
            self.reserves, self.before, self.kind = self.reserves + 1, self.kind, "reserved"
        if kind in ("put", "release"):
            self.priority, self.delay = operation.priority, operation.delay
            self.kind = "delayed" if operation.delay else "ready"
            self.low, self.high = operation.sent_at + operation.delay, done_at + operation.delay
        # What these commit says how often it had been reserved; a reserve alone commits nothing.
        if kind in ("release", "bury", "kick-job"):
            self.least_reserves = self.reserves

    def after(self, operation, done_at):
        state = copy.copy(self)
        state.apply(operation, done_at)
        return state


class Job:
    def __init__(self, key, tube, ttr, size):
        self.key, self.tube, self.ttr, self.size = key, tube, ttr, size
        self.id = None
        self.state = State()
        self.gone = 0  # the moment from which it was known to be deleted
        self.pending = collections.deque()
        self.anchor = False  # keeps a tube, and is left alone
        self.doomed = False  # its delete is on the way
        self.story = collections.deque(maxlen=10)

    def settle(self, operation, moment, done_at=None):
        """Takes the operation, and those before it, as done."""
        while self.pending:
            first = self.pending.popleft()
            first.settled, first.done, first.done_at = True, moment, done_at or time.time()
            self.state.apply(first, first.done_at)
            self.story.append(str(first))
            if first is operation:
                return

    def __str__(self):
        return f"job {self.id} in {self.tube}"


class Pause:
    """A tube's pauses: when the last one that was acknowledged ends, and those that were not."""

    def __init__(self):
        self.low, self.high = 0, 0
        self.pending = collections.deque()


class Ledger:
    def __init__(self, seed=0):
        self.seed = seed
        self.jobs = {}  # by id: those that are there, or may be
        self.nameless = {}  # by key: puts without an answer
        self.gone = {}  # by id: the number of checks that have found it gone
        self.suspects = {}  # tubes by id, of what something wrong was said about already
        self.refused = set()  # keys of puts that were answered OUT_OF_MEMORY
        self.pauses = collections.defaultdict(Pause)
        self.keys = 0
        self.moment = 0
        self.highest = 0
        self.floor = 0  # the highest id before this start of the server
        self.in_flight = 0  # the most puts that may have taken an id that nobody saw
        self.open_reserves = False
        self.ended_at = 0
        self.puts, self.deletes, self.changes = 0, 0, 0  # acknowledged
        self.violations = []

    def wrong(self, text, job=None):
        if job is not None:
            if job.id in self.suspects:
                return
            self.suspects[job.id] = job.tube
            self.jobs.pop(job.id, None)
            waiting = ", ".join(str(operation) for operation in job.pending)
            text += f" (acknowledged: {', '.join(job.story) or 'nothing'}; not acknowledged: {waiting or 'nothing'})"
        self.violations.append(text)

    def tick(self):
        self.moment += 1
        return self.moment

    def new_job(self, tube, size):
        self.keys += 1
        job = Job(self.keys, tube, FIRST_TTR + self.keys, size)
        self.nameless[job.key] = job
        return job

    def name(self, job, identity):
        """The server has told the id of a job."""
        if job.id is not None:
            if job.id != identity:
                self.wrong(f"{job} is told to have the id {identity} too", job)
            return
        job.id = identity
        self.nameless.pop(job.key, None)
        if identity in self.jobs or identity in self.gone or identity in self.suspects:
            self.wrong(f"the id {identity} was given again")
            self.suspects[identity] = job.tube
            return
        elif identity <= self.floor:
            self.wrong(f"the id {identity} was given after {self.floor} had been before the start")
        self.highest = max(self.highest, identity)
        self.jobs[identity] = job

    def forget(self, job):
        """It was deleted."""
        job.gone = self.tick()
        if self.jobs.get(job.id) is job:
            del self.jobs[job.id]
            self.gone[job.id] = 0


class Check:
    """Reads what a server has, compares it with the ledger, and has the ledger go on from what was found."""

    def __init__(self, ledger, address):
        self.ledger, self.address = ledger, address
        self.problems = 0

    def run(self, everything=False, drain=()):
        """`drain` names tubes whose buried jobs are kicked, to see their order. Returns the number of violations."""
        ledger, before = self.ledger, len(self.ledger.violations)
        with Client(self.address, seconds=60) as client:
            self.jobs(client)
            self.gone(client, everything)
            self.pauses(client)
            for tube in drain:
                self.order(client, tube)
        ledger.floor = ledger.highest
        ledger.nameless.clear()
        ledger.open_reserves = False
        return len(ledger.violations) - before

    def jobs(self, client):
        ledger = self.ledger
        # Puts without an answer have taken ids among those that were seen, and above.
        unseen = range(ledger.floor + 1, ledger.highest + ledger.in_flight + 101)
        identities = sorted(set(ledger.jobs) | {i for i in unseen if i not in ledger.gone and i not in ledger.suspects})
        for start in range(0, len(identities), 100):
            batch = identities[start : start + 100]
            low = time.time()
            replies = client.ask_all([f"{kind} {identity}\r\n" for identity in batch for kind in ("stats-job", "peek")])
            high = time.time()
            for identity, statistics, peeked in zip(batch, replies[::2], replies[1::2]):
                if statistics[0] == ["NOT_FOUND"] and peeked[0] == ["NOT_FOUND"]:
                    self.compare(identity, None, None, low, high)
                elif statistics[0][0] == "OK" and peeked[0][:2] == ["FOUND", str(identity)]:
                    self.compare(identity, fields(statistics[1]), peeked[1], low, high)
                else:
                    ledger.wrong(f"stats-job {identity} says {statistics[0]}, and peek {peeked[0]}")

    def compare(self, identity, seen, body, low, high):
        ledger = self.ledger
        job = ledger.jobs.get(identity)
        if job is None:
            if seen is None:
                return
            key = int(seen["ttr"]) - FIRST_TTR
            job = ledger.nameless.pop(key, None)
            if job is None:
                what = "whose put was refused" if key in ledger.refused else "that nobody has put, or put once and found twice"
                ledger.wrong(f"there is a job {identity} in {seen['tube']} {what}")
                ledger.suspects[identity] = seen["tube"]
                return
            ledger.name(job, identity)
        candidates = [job.state]
        for operation in job.pending:
            candidates.append(candidates[-1].after(operation, ledger.ended_at))
        problems = [self.differences(job, state, seen, body, low, high) for state in candidates]
        best = min(range(len(candidates)), key=lambda index: len(problems[index]))
        if problems[best]:
            ledger.wrong(f"{job}: {'; '.join(filter(None, problems[best]))}", job)
            return
        # From here on it is what was found.
        moment = ledger.tick()
        while best:
            job.settle(job.pending[0], moment, ledger.ended_at)
            best -= 1
        job.pending.clear()
        job.doomed = False
        state = job.state
        if not state.there:
            ledger.forget(job)
            return
        if state.kind == "reserved":
            state.kind = seen["state"]
        state.reserves = state.least_reserves = int(seen["reserves"])
        job.story.clear()
        job.story.append(f"as found: {seen['state']}, priority {seen['pri']}, {seen['reserves']} reserves, "
                         f"{seen['releases']} releases, {seen['buries']} buries, {seen['kicks']} kicks")

    def differences(self, job, state, seen, body, low, high):
        """Why this cannot be the state, in words."""
        if not state.there or seen is None:
            if state.there == (seen is not None):
                return []
            # More than any difference of a job that is there.
            return ["it is missing" if state.there else "it was deleted and is there"] + [""] * 20
        problems = []

        def same(name, expected):
            if seen[name] != str(expected):
                problems.append(f"{name} is {seen[name]}, not {expected}")

        same("id", job.id)
        same("tube", job.tube)
        same("ttr", job.ttr)
        same("pri", state.priority)
        same("delay", state.delay)
        same("timeouts", 0)
        same("releases", state.releases)
        same("buries", state.buries)
        same("kicks", state.kicks)
        # A reserve whose answer was lost has happened, perhaps.
        most = state.reserves + (1 if self.ledger.open_reserves and state.kind in ("ready", "delayed") else 0)
        if not state.least_reserves <= int(seen["reserves"]) <= most:
            problems.append(f"reserves is {seen['reserves']}, not {state.least_reserves} to {most}")
        kind = state.kind
        if kind == "reserved":
            kind = state.before if state.before == seen["state"] else "ready"
        if kind == "delayed":
            if state.low > high + SLACK:
                same("state", "delayed")
            elif state.high < low - SLACK:
                same("state", "ready")
            elif seen["state"] not in ("ready", "delayed"):
                same("state", "delayed")
            left = int(seen["time-left"])
            if seen["state"] == "delayed" and not state.low - high - SLACK <= left <= state.high - low + SLACK:
                problems.append(f"time-left is {left}, not {state.low - high:.1f} to {state.high - low:.1f}")
        else:
            same("state", kind)
        age = int(seen["age"])
        if not low - state.put_high - SLACK <= age <= high - state.put_low + SLACK:
            problems.append(f"age is {age}, not {low - state.put_high:.1f} to {high - state.put_low:.1f}")
        if body != body_of(job.key, job.size):
            problems.append(body_difference(body, job))
        return problems

    def gone(self, client, everything):
        ledger = self.ledger
        identities = [identity for identity, checks in ledger.gone.items() if checks < 2 or everything]
        if not everything:
            old = [identity for identity, checks in ledger.gone.items() if checks >= 2]
            identities += random.Random(ledger.moment).sample(old, min(len(old), 1000))
        for identity, (words, _) in zip(identities, client.ask_all([f"peek {identity}\r\n" for identity in identities])):
            if words != ["NOT_FOUND"]:
                ledger.wrong(f"job {identity} was deleted and is there: {' '.join(words)}")
                ledger.suspects[identity] = None
                del ledger.gone[identity]
            else:
                ledger.gone[identity] += 1

    def pauses(self, client):
        ledger = self.ledger
        # Without a job there need be no tube.
        tubes = {job.tube for job in ledger.jobs.values() if job.anchor}
        for tube, pause in list(ledger.pauses.items()):
            if tube not in tubes:
                del ledger.pauses[tube]
                continue
            low = time.time()
            words, data = client.ask(f"stats-tube {tube}\r\n")
            high = time.time()
            if words[0] != "OK":
                ledger.wrong(f"stats-tube {tube} was answered {' '.join(words)}")
                continue
            seen = fields(data)
            left = int(seen["pause-time-left"])
            candidates = [(pause.low, pause.high)]
            for operation in pause.pending:
                end = operation.sent_at + operation.delay, ledger.ended_at + operation.delay
                candidates.append(end if operation.delay else (0, 0))
            fitting = [
                (begin, end) for begin, end in candidates
                if (left == 0 and seen["pause"] == "0" if not end else
                    begin - high - SLACK <= left <= end - low + SLACK and seen["pause"] != "0")
            ]
            if not fitting:
                wanted = " or ".join(f"{begin - high:.1f} to {end - low:.1f}" if end else "none" for begin, end in candidates)
                ledger.wrong(f"the pause of {tube} is {seen['pause']} with {left} left, not {wanted}")
            pause.low, pause.high = fitting[-1] if fitting else (low + left, high + left) if left else (0, 0)
            pause.pending.clear()

    def order(self, client, tube):
        """Kicks the tube's buried jobs, one by one: first those that were buried first."""
        ledger = self.ledger
        if {tube, None} & set(ledger.suspects.values()):
            # Those may be among them, and nobody knows where.
            return
        buried = {identity for identity, job in ledger.jobs.items() if job.tube == tube and job.state.kind == "buried"}
        client.ask(f"use {tube}\r\n")
        sent_at, moment, number = time.time(), ledger.tick(), ledger.tick()
        commands = ["peek-buried\r\n", "kick 1\r\n"] * len(buried) + ["peek-buried\r\n"]
        replies = client.ask_all(commands)
        if replies[-1][0] != ["NOT_FOUND"]:
            ledger.wrong(f"after {len(buried)} buried jobs {tube} has another: {' '.join(replies[-1][0])}")
        latest, latest_of = None, {}
        for (found, _), (kicked, _) in zip(replies[:-1:2], replies[1::2]):
            identity = int(found[1]) if found[0] == "FOUND" else None
            if identity not in buried or kicked != ["KICKED", "1"]:
                ledger.wrong(f"among the buried jobs of {tube} was {' '.join(found)}; kick 1 was answered {' '.join(kicked)}")
                continue
            buried.discard(identity)
            job = ledger.jobs[identity]
            stamp = job.state.stamp
            # One that was acknowledged before another was sent came first; and so did one connection's earlier one.
            own = latest_of.get(stamp.sender)
            if own and stamp.sent < own.sent or latest and stamp.done < latest.sent:
                ledger.wrong(f"{job} was buried before {(own or latest).job} and stands after it")
            if own is None or stamp.sent > own.sent:
                latest_of[stamp.sender] = stamp
            if latest is None or stamp.sent > latest.sent:
                latest = stamp
            operation = Operation("kick-job", number, moment, job)
            operation.sent_at = sent_at
            job.pending.append(operation)
            job.settle(operation, ledger.tick())
            ledger.changes += 1
        for identity in buried:
            ledger.wrong(f"job {identity} was not among the buried jobs of {tube}")


def tubes_of(ledger):
    return sorted({job.tube for job in ledger.jobs.values()})


def delete_everything(ledger, address):
    """An empty queue, after which the ids must go on all the same."""
    with Client(address, seconds=60) as client:
        jobs = list(ledger.jobs.values())
        for job, (words, _) in zip(jobs, client.ask_all([f"delete {job.id}\r\n" for job in jobs])):
            if words != ["DELETED"]:
                ledger.wrong(f"delete {job.id} was answered {' '.join(words)}", job)
                continue
            operation = Operation("delete", 0, ledger.tick(), job)
            job.pending.append(operation)
            job.settle(operation, ledger.tick())
            ledger.forget(job)
            ledger.deletes += 1


if __name__ == "__main__":
    from selftest import self_test

    if len(sys.argv) < 3 or sys.argv[1] != "--self-test":
        sys.exit("usage: ledger.py --self-test COMMAND...")
    sys.exit(self_test(sys.argv[2:]))
