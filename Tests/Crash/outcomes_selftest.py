# SPDX-License-Identifier: Apache-2.0
# The test of verdict.py: histories of outcomes.py with something that must not be, and with what may be.

import sys
import tempfile

from history import LOST, Command, Reply, Tags, body_of
from outcomes import ask_all
from service import Server
from verdict import Verdict

KEPT = Tags(keep=3600)


class Story:
    """A job that was not there, at the end of a history."""

    def __init__(self, history, tags=KEPT, tube="one", job=None):
        self.history, self.tags, self.tube = history, tags, tube
        self.job = job or 1 << 40 | history.next()
        self.put()

    def say(self, kind, *words, data=None, sent=None, line=None, about=True, **rest):
        """A command, and its reply if there are words."""
        job = self.job if about else None
        command = self.history.command(0, kind, job, line=line or f"{kind} {self.job}", data=sent, **rest)
        if words:
            self.history.reply(command, [str(word) for word in words], data)
        return command

    def put(self, *state, job=None):
        moment = self.history.next()
        self.body = body_of(moment, 50)
        self.say("put", "INSERTED", job or self.job, *state, sent=self.body, line="put", about=False, moment=moment,
                 tube=self.tube, tags=self.tags)

    def reserve(self, body=None):
        self.say("reserve", "RESERVED", self.job, 50, data=body or self.body, line="reserve", about=False)

    def finish(self, *words, sent=b"out"):
        self.say("finish", *words, sent=sent, held=True)

    def fail(self, *words, when="0", sent=b"why"):
        self.say("fail", *words, sent=sent, held=True, line=f"fail {self.job} {when} {len(sent)}")

    def cancel(self, *words):
        self.say("cancel", *words)

    def state(self, state, attempt, data=b"", kind="state", attempts=None):
        attempts = self.tags.attempts if attempts is None else attempts
        self.say(kind, "STATE", self.job, state, attempt, attempts, 0, 100 if state == "done" else 0, len(data), data=data)

    def missing(self):
        self.say("state", "NOT_FOUND")

    def restart(self):
        self.history.life += 1


def stories():
    """What is told, what must be said of it (nothing, if it may be), and the story, with the tags of its job."""
    def finished(then):
        def tell(story):
            story.reserve()
            story.finish("FINISHED", sent=b"a" * 5000)
            story.restart()
            then(story)
        return tell

    def cancelled(then):
        def tell(story):
            story.cancel("CANCELLED")
            then(story)
        return tell

    def dead(then):
        def tell(story):
            story.reserve()
            story.fail("BURIED", when="never")
            story.restart()
            then(story)
        return tell

    def reserved(then, times=1):
        def tell(story):
            for _ in range(times):
                story.reserve()
                story.restart()
            then(story)
        return tell

    def open_finish(then):
        def tell(story):
            story.reserve()
            story.finish(sent=b"either")
            story.restart()
            then(story)
        return tell

    def followed(story):
        story.reserve()
        story.finish()
        story.state("done", 1, b"out", kind="follow")
        story.restart()
        story.state("waiting", 1)

    def refused(story):
        story.reserve()
        story.cancel()
        story.finish("NOT_FOUND")
        story.state("done", 1, b"out")

    def taken_away(story):
        story.reserve()
        story.finish("NOT_FOUND")

    def done_twice(story):
        for result in (b"one", b"two"):
            story.reserve()
            story.finish("FINISHED", sent=result)

    def reason_forgotten(story):
        story.reserve()
        story.fail("RELEASED")
        story.restart()
        story.state("waiting", 1)

    def told_reason_forgotten(story):
        story.reserve()
        story.state("waiting", 1, LOST.encode(), kind="follow")
        story.restart()
        story.state("waiting", 1)

    def told_attempt_forgotten(story):
        story.say("reserve", line="reserve", about=False)
        story.state("running", 1)
        story.restart()
        story.state("waiting", 0)

    def other_end_attempt(story):
        story.reserve()
        story.finish("FINISHED")
        story.state("done", 1, b"out")
        story.restart()
        story.state("done", 0, b"out")

    def too_late(story):
        story.cancel("TOO_LATE")
        story.state("cancelled", 0)

    def deleted(story):
        story.say("delete", "DELETED")
        story.restart()
        story.reserve()

    def key(*then, first_ends=False, restarts=True):
        def tell(story):
            if first_ends:
                story.reserve()
                story.finish("FINISHED")
            if restarts:
                story.restart()
            for words in then:
                story.put(*words[1:], job=story.job + words[0])
        return tell

    def unanswered_put(story):
        story.history.events.pop()
        story.restart()
        story.put("READY", job=story.job + 1)

    unique = KEPT._replace(key="doctored", key_seconds=3600)
    short = unique._replace(key_seconds=0)
    twice, once = KEPT._replace(attempts=2), KEPT._replace(attempts=1)
    ended = "it had ended so"

    yield "a result is lost", ended, KEPT, finished(lambda story: story.state("waiting", 1))
    yield "a byte of a result is another", ended, KEPT, finished(lambda story: story.state("done", 1, b"a" * 4999 + b"b"))
    yield "a result is cut off", ended, KEPT, finished(lambda story: story.state("done", 1, b"a" * 4999))
    yield "a result is empty", ended, KEPT, finished(lambda story: story.state("done", 1))
    yield "an outcome is gone", "NOT_FOUND", KEPT, finished(lambda story: story.missing())
    yield "what is done is cancelled", ended, KEPT, finished(lambda story: story.cancel("CANCELLED"))
    yield "what is done runs again", ended, KEPT, finished(lambda story: story.reserve())
    yield "two are done with a job", ended, KEPT, done_twice
    yield "a result that a follower was told is lost", ended, KEPT, followed
    yield "a result that was refused", "nobody has ended it so", KEPT, refused
    yield "a result that nobody sent", "nobody has ended it so", KEPT, reserved(lambda story: story.state("done", 1, b"x"))
    yield "another than the unanswered result", "nobody has ended it so", KEPT, open_finish(
        lambda story: story.state("done", 1, b"or"))
    yield "a job is taken from its worker", "its worker had it", KEPT, taken_away
    yield "a dead job lives", ended, KEPT, dead(lambda story: story.state("waiting", 1, b"why"))
    yield "another reason", ended, KEPT, dead(lambda story: story.state("failed", 1, b"who"))
    yield "a dead job is given out", ended, KEPT, dead(lambda story: story.reserve())
    yield "a reason is forgotten", "had failed with", twice, reason_forgotten
    yield "a reason that was told is forgotten", "it was 'the worker was lost: its connection ended' before", KEPT, told_reason_forgotten
    yield "a reason that nobody gave", "nobody has given that reason", KEPT, lambda story: story.state("waiting", 0, b"x")
    yield "a cancelled job is given out", ended, KEPT, cancelled(lambda story: story.reserve())
    yield "a cancelled job is given out later", ended, KEPT, cancelled(lambda story: (story.restart(), story.reserve()))
    yield "a cancelled job waits", ended, KEPT, cancelled(lambda story: (story.restart(), story.state("waiting", 0)))
    yield "a cancelled job is done", ended, KEPT, cancelled(lambda story: story.finish("FINISHED"))
    yield "it was too late, and is cancelled", ended, KEPT, too_late
    yield "a deleted job is given out", ended, KEPT, deleted
    yield "nobody has cancelled", "nobody has ended it so", KEPT, lambda story: story.state("cancelled", 0)
    yield "an attempt is forgotten", "attempts had begun", twice._replace(attempts=3), reserved(
        lambda story: story.state("waiting", 1), times=2)
    yield "an attempt that was told is forgotten", "was told before", twice, told_attempt_forgotten
    yield "an attempt of an outcome is forgotten", "was told before", KEPT, other_end_attempt
    yield "an attempt too many", "given out 3 times", twice, reserved(lambda story: None, times=3)
    yield "another number of attempts", "was answered STATE", twice, lambda story: story.state("waiting", 0, attempts=3)
    yield "no attempts are left, and it waits", "no more attempts", once, reserved(lambda story: story.state("waiting", 1))
    yield "a dead job without a reason", "nobody has ended it so", once, reserved(lambda story: story.state("failed", 1))
    yield "a worker is lost too early", "nobody has ended it so", twice, reserved(
        lambda story: story.state("failed", 1, LOST.encode()))
    yield "attempts that nobody made", "can have begun", KEPT, lambda story: story.state("waiting", 1 << 30)
    yield "it runs, and nobody has it", "nobody has it", KEPT, reserved(lambda story: story.state("running", 1))
    yield "another body", "with the body", KEPT, lambda story: story.reserve(body=b"another")
    yield "a number is given again", "given again", KEPT, key((0,))
    yield "a job that is not kept is lost", "nobody had taken it out", Tags(), lambda story: story.missing()
    yield "a key has two jobs", "and it was", unique, key((1,))
    yield "a key has two jobs at a time", "and it was", unique, key((1,), restarts=False)
    yield "a key has another job after the end", "and it was", unique, key((1,), first_ends=True)
    yield "a key is told to be another's", "and it was", unique, key((1, "READY"))
    yield "a short key has two jobs", "which nobody had taken out", short, key((1,))
    yield "a short key has its first job again", "which nobody had taken out", short, key((1,), (0, "READY"))
    yield "a key is not to be remembered", "is not to be remembered", short, key((0, "DELETED"), first_ends=True)
    yield "what has ended is ready by its key", ended, unique, key((0, "READY"), first_ends=True)

    yield "an unanswered result is there", None, KEPT, open_finish(lambda story: story.state("done", 1, b"either"))
    yield "an unanswered result is not there", None, KEPT, open_finish(lambda story: story.state("waiting", 1))
    yield "the last attempt is lost", None, once, reserved(lambda story: story.state("failed", 1, LOST.encode()))
    yield "an attempt that need not be known is forgotten", None, KEPT, told_attempt_forgotten
    yield "an attempt that only the worker knew is forgotten", None, KEPT, reserved(lambda story: story.state("waiting", 0))
    yield "an outcome that is not kept", None, Tags(), finished(lambda story: story.missing())
    yield "a key goes on", None, unique, key((0, "READY"))
    yield "a key is remembered", None, unique, key((0, "DELETED"), first_ends=True)
    yield "a short key is free after the end", None, short, key((1,), first_ends=True)
    yield "an unanswered put has a key", None, unique, unanswered_put


def changes(history, suspects):
    """Ways to change what was really told: what is done, what must be said of it, and the copy."""
    commands = {event.moment: event for event in history.events if isinstance(event, Command)}
    told = [(index, event) for index, event in enumerate(history.events) if isinstance(event, Reply)]
    limited = {int(event.words[1]) for _, event in told if event.words[0] == "INSERTED" and commands[event.command].tags.attempts}
    cancelled = {}  # by job: in which life
    for _, event in told:
        if event.words[0] == "CANCELLED":
            cancelled.setdefault(commands[event.command].job, event.life)

    def last(state, what):
        """The last such state that was told of a job."""
        for index, event in reversed(told):
            job = commands[event.command].job
            if event.words[0] == "STATE" and event.words[2] == state and job not in suspects and what(event, job):
                return index, event
        sys.exit("too little has happened for the self-test; it takes more rounds")

    def changed(index, **values):
        copied = history.copy()
        copied.events[index] = copied.events[index]._replace(**values)
        return copied

    def with_word(index, place, word):
        words = history.events[index].words
        return changed(index, words=(*words[:place], word, *words[place + 1 :]))

    index, _ = last("done", lambda event, job: event.data.startswith("<") and job not in limited)
    yield "a real result is another", "it had ended so", changed(index, data="<another>")
    yield "a real result is lost", "it had ended so", with_word(index, 2, "waiting")
    index, _ = last("failed", lambda event, job: event.data)
    yield "a real reason is lost", "it had ended so", changed(index, data="")
    index, _ = last("cancelled", lambda event, job: cancelled.get(job, event.life) < event.life and job not in limited)
    yield "a job that was really cancelled waits", "it had ended so", with_word(index, 2, "waiting")
    index, _ = last("done", lambda event, job: job in limited)
    yield "a real attempt is forgotten", "attempt", with_word(index, 3, "0")


def test_of_outcomes(history, command):
    """How many things are not noticed, or noticed though they may be, in what was seen."""
    first = Verdict(history)
    unseen = tried = 0

    def judge(name, said, doctored):
        nonlocal unseen, tried
        tried += 1
        found = [problem for problem in Verdict(doctored).problems if problem not in first.problems]
        if said is None and found or said and (len(found) != 1 or said not in found[0]):
            unseen += 1
            print(f"{name}: {len(found)} violations, {found[:3]}", file=sys.stderr)

    # Nothing else is needed for a story.
    short = history.copy()
    short.events = []
    for name, said, tags, tell in stories():
        doctored = short.copy()
        tell(Story(doctored, tags))
        judge(name, said, doctored)
    for name, said, doctored in changes(history, {job.job for job in first.jobs.values() if job.is_suspect}):
        judge(name, said, doctored)
    # A server that has lost everything.
    lost = history.copy()
    lost.life += 1
    jobs = [job.job for job in first.jobs.values() if job.tags and job.tags.keep and not job.is_suspect]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(command, folder)
        ask_all(lost, server.address, jobs)
        server.kill()
    missed = len(Verdict(lost).problems) - len(first.problems)
    if missed != len(jobs) or not jobs:
        unseen += 1
        print(f"of {len(jobs)} lost jobs {missed} are missed", file=sys.stderr)
    print(f"self-test of the check of outcomes: {tried} histories and {len(jobs)} lost jobs, {unseen} faults unseen")
    return unseen
