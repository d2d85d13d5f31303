# SPDX-License-Identifier: Apache-2.0
# The test of the checks: ledgers that say what the server does not have, a server that has lost everything, and histories of
# commands with something that must not be. That for outcomes.py is outcomes_selftest.py.

import collections
import copy
import dataclasses
import sys
import tempfile

from ledger import LONG, Check, Ledger
from load import Load
from service import Failed, Server


def doctors():
    """Ways to make a ledger say what the server does not have: what is done, and what the check must say."""
    def some(ledger, kind=None):
        return next(job for job in ledger.jobs.values() if not job.anchor and kind in (None, job.state.kind)
                    and (kind != "delayed" or job.state.delay >= LONG))

    def change(state_kind, said, **changes):
        def doctor(ledger):
            state = some(ledger, state_kind).state
            for name, value in changes.items():
                setattr(state, name, value(getattr(state, name)) if callable(value) else value)
        return doctor, said

    def deleted(ledger):
        ledger.forget(some(ledger))

    def undeleted(ledger):
        job = ledger.new_job("own-0", 100)
        job.state = copy.copy(some(ledger).state)
        job.id = next(iter(ledger.gone))
        del ledger.gone[job.id]
        ledger.jobs[job.id] = job

    def never_put(ledger):
        job = ledger.jobs.pop(max(ledger.jobs))
        ledger.floor = job.id - 1

    def refused(ledger):
        job = ledger.jobs.pop(max(ledger.jobs))
        ledger.floor = job.id - 1
        ledger.refused.add(job.key)

    def job_part(name, value):
        def doctor(ledger):
            job = some(ledger)
            setattr(job, name, value(getattr(job, name)))
        return doctor

    def pause(seconds):
        def doctor(ledger):
            pause = next(pause for pause in ledger.pauses.values() if pause.high)
            pause.low, pause.high = (pause.low + seconds, pause.high + seconds) if seconds else (0, 0)
        return doctor

    def order(ledger):
        tube = most_buried(ledger)
        stamps = sorted((j.state.stamp for j in ledger.jobs.values() if j.tube == tube and j.state.kind == "buried"),
                        key=lambda stamp: stamp.sent)
        # Two of which the ledger knows which came first.
        last = stamps[-1].job.state
        first = next(stamp for stamp in stamps if stamp.done < stamps[-1].sent).job.state
        first.stamp, last.stamp = last.stamp, first.stamp

    yield "a deleted job is there", deleted, "was deleted and is there"
    yield "a job is missing", undeleted, "is missing"
    yield "a job that nobody put", never_put, "nobody has put"
    yield "a refused put", refused, "whose put was refused"
    yield "the priority", *change("ready", "pri is", priority=lambda value: value ^ 1)
    yield "the delay", *change("delayed", "delay is", delay=lambda value: value + 1)
    yield "the end of the delay", *change("delayed", "time-left is", low=lambda value: value + 60, high=lambda value: value + 60)
    yield "the tube", job_part("tube", lambda value: "elsewhere"), "tube is"
    yield "the time to run", job_part("ttr", lambda value: value + 1), "ttr is"
    yield "the body", job_part("key", lambda value: value + 1), "the body is"
    yield "the body's size", job_part("size", lambda value: value + 1), "the body is"
    yield "buried is ready", *change("buried", "state is buried", kind="ready")
    yield "ready is buried", *change("ready", "state is ready", kind="buried")
    yield "delayed is ready", *change("delayed", "state is delayed", kind="ready")
    yield "too few releases", *change(None, "releases is", releases=lambda value: value + 1)
    yield "too few buries", *change(None, "buries is", buries=lambda value: value + 1)
    yield "too few kicks", *change(None, "kicks is", kicks=lambda value: value + 1)
    yield "too many reserves", *change("buried", "reserves is", reserves=-1)
    yield "too few reserves", *change(None, "reserves is", reserves=10_000, least_reserves=10_000)
    yield "the age", *change(None, "age is", put_low=lambda value: value - 60, put_high=lambda value: value - 60)
    yield "the end of a pause", pause(60), "the pause of"
    yield "no pause", pause(0), "the pause of"
    yield "the order of burying", order, "stands after it"


def most_buried(ledger):
    count = collections.Counter(job.tube for job in ledger.jobs.values() if job.state.kind == "buried")
    return count.most_common(1)[0][0]


def self_test(command):
    unseen = 0
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as another:
        server = Server(command, folder)
        ledger = Ledger()
        Load(ledger, server.address, seed=1, limit=400).run(1)
        Check(ledger, server.address).run()
        if ledger.violations:
            raise Failed("the check finds what is not there: " + "; ".join(ledger.violations[:5]))
        for name, doctor, said in doctors():
            copied = copy.deepcopy(ledger)
            doctor(copied)
            # The order can be seen only once, and comes last.
            Check(copied, server.address).run(everything=True, drain=[most_buried(ledger)] if "order" in name else [])
            if not any(said in violation for violation in copied.violations) or len(copied.violations) > 2 and "order" not in name:
                unseen += 1
                print(f"{name}: {len(copied.violations)} violations, {copied.violations[:3]}", file=sys.stderr)
        # A reply that gives an id again.
        copied = copy.deepcopy(ledger)
        copied.name(copied.new_job("own-0", 1), next(iter(ledger.jobs)))
        copied.name(copied.new_job("own-0", 1), next(iter(ledger.gone)))
        if len(copied.violations) != 2:
            unseen += 1
            print("ids that are given again are not seen", file=sys.stderr)
        server.kill()
        # A server that has lost everything.
        jobs = len(ledger.jobs)
        server = Server(command, another)
        Check(ledger, server.address).run()
        server.kill()
        if len([violation for violation in ledger.violations if "is missing" in violation]) != jobs:
            unseen += 1
            print(f"of {jobs} lost jobs only {len(ledger.violations)} are missed", file=sys.stderr)
    print(f"self-test of the check: {jobs} jobs, {unseen} faults unseen")
    return 1 if unseen else 0


def work_doctors():
    """Ways to put into a history of work.py what must not be: what is done, and what must be said of it."""
    def add(history, *attempts, key=-1, is_put=True):
        """A job; of each attempt: its begin, its end or None, whether it was done, and what else is so."""
        job = 1_000_000 + len(history.runs)
        if is_put:
            history.acknowledged[job] = -1
        for number, (start, end, done, changes) in enumerate(attempts, 1):
            over = start + 0.1 if end is None else end
            process = dataclasses.replace(history.runs[0].process, pid=-1, death=changes.get("death", over))
            values = {"attempt": number, "launcher": -1, "worker": -1, "key": key, "children": [], "gone": over, **changes}
            values.pop("death", None)
            history.runs.append(dataclasses.replace(
                history.runs[0], job=job, process=process, start=start, end=end, done=done, **values))

    def late(history):
        """A time when everything was quiet."""
        return max(kill.end for kill in history.kills) + 100

    def kill_of(history, kind="worker"):
        time = late(history)
        kill = next(kill for kill in history.kills if kill.kind == kind)
        history.kills.append(dataclasses.replace(kill, begin=time, end=time, pids={-2}))
        return history.kills[-1], {"worker": -2}

    def lost(history):
        job = next(iter(history.acknowledged))
        history.runs = [run for run in history.runs if run.job != job]

    def again(history):
        time = late(history)
        add(history, (time, time + 1, True, {}), (time + 2, time + 3, True, {}))

    def more_than_held(history):
        kill, _ = kill_of(history, "command")
        for _ in range(2):
            add(history, (kill.begin - 0.1, kill.begin, True, {"gone": kill.end + 1}), (kill.end + 2, kill.end + 3, True, {}))
            history.runs[-2].process.pid = -2

    def beside(history):
        time = late(history)
        add(history, (time, time + 5, False, {}), (time + 1, time + 3, True, {}))

    def beside_before_the_kill(history):
        kill, own = kill_of(history)
        add(history, (kill.begin - 50, kill.end, False, own), (kill.begin - 40, kill.begin - 39, True, {}))

    def left(history):
        time = late(history)
        add(history, (time, time + 1, True, {"death": None}))

    def goes_on(history):
        kill, own = kill_of(history)
        own["death"] = kill.end + 100
        add(history, (kill.begin - 0.1, None, False, own), (kill.end + 200, kill.end + 201, True, {}))

    def child_goes_on(history):
        kill, own = kill_of(history)
        child = dataclasses.replace(history.runs[0].process, death=kill.end + 100)
        add(history, (kill.begin - 0.1, None, False, {**own, "children": [child]}), (kill.end + 2, kill.end + 3, True, {}))

    def launcher_goes_on(history):
        kill, own = kill_of(history)
        history.launchers.append(dataclasses.replace(history.runs[0].process, seen=kill.begin - 1, death=kill.end + 100, **own))

    def vanishes(history):
        time = late(history)
        add(history, (time, None, False, {}), (time + 1, time + 2, True, {"attempt": 3}))

    def counted_down(history):
        time = late(history)
        add(history, (time, time + 1, False, {}), (time + 2, time + 3, True, {"attempt": 1}))

    def other_body(history):
        time = late(history)
        add(history, (time, time + 1, True, {}), key=-2)

    def not_put(history):
        time = late(history)
        add(history, (time, time + 1, True, {}), is_put=False)

    def put_twice(history):
        history.unanswered.add(-1)
        not_put(history)
        not_put(history)

    yield "a job is lost", lost, "never done"
    yield "a job is done again", again, "came again: no kill explains it"
    yield "too many jobs are done again", more_than_held, "more than were held"
    yield "two attempts at a time", beside, "no kill explains it"
    yield "two attempts at a time, and a kill later", beside_before_the_kill, "no kill explains it"
    yield "a command is left", left, "is left"
    yield "a command goes on after a kill", goes_on, "has ended 100"
    yield "a child goes on after a kill", child_goes_on, "a child of"
    yield "a launcher goes on after a kill", launcher_goes_on, "launcher"
    yield "a command vanishes", vanishes, "without a word"
    yield "an attempt is counted down", counted_down, "came after"
    yield "another job's body", other_body, "the body of another"
    yield "a job that nobody put", not_put, "nobody has put"
    yield "a job that was put twice", put_twice, "nobody has put"


def test_of_work(history, judge):
    """How many things are not noticed in a history that has nothing wrong so far."""
    unseen = 0
    for name, doctor, said in work_doctors():
        doctored = copy.deepcopy(history)
        doctor(doctored)
        problems = judge(doctored)
        if not any(said in problem for problem in problems) or len(problems) > 2:
            unseen += 1
            print(f"{name}: {problems[:3]}", file=sys.stderr)
    print(f"self-test of the check of work: {unseen} faults unseen")
    return unseen
