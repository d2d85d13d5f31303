# SPDX-License-Identifier: Apache-2.0
# What was said to a server in all of its lives, and what it has answered, in one order; outcomes.py writes it and verdict.py
# judges it. What is in it is never changed, so a copy for the doctors is quick.

import hashlib
import typing

ENDS = ("done", "failed", "cancelled")
LOST = "the worker was lost: its connection ended"
LOSSES = [LOST, "the worker was lost: its time to run was over", "the worker was lost: the server ended"]
RELEASED = "released with no attempts left"


class Tags(typing.NamedTuple):
    """What a job was put with. None and 0 stand for a tag that was not there."""

    key: str | None = None
    key_seconds: int = 0
    keep: int = 0
    attempts: int = 0
    backoff: str | None = None
    leased: bool = False

    def __str__(self):
        parts = []
        if self.key:
            parts.append(f"idp:{self.key}:{self.key_seconds}" if self.key_seconds else f"idp:{self.key}")
        parts += [f"keep:{self.keep}"] if self.keep else []
        parts += [f"attempts:{self.attempts}"] if self.attempts else []
        parts += [f"backoff:{self.backoff}"] if self.backoff else []
        parts += ["lease:connection"] if self.leased else []
        return "".join(" " + part for part in parts)


class Command(typing.NamedTuple):
    moment: int
    life: int
    sender: int
    kind: str
    job: int | None = None
    data: str | None = None  # what is sent with it, as `brief` has it
    held: bool = False  # its sender has reserved the job
    tube: str | None = None
    tags: Tags | None = None
    line: str = ""


class Reply(typing.NamedTuple):
    moment: int
    life: int
    command: int  # the moment of the command
    words: tuple
    data: str | None = None


def brief(data):
    """Short text as it is, and of all else how long it is and a hash."""
    if len(data) <= 60 and all(32 <= byte < 127 for byte in data):
        return data.decode()
    return f"<{len(data)} bytes, {hashlib.sha256(data).hexdigest()[:20]}>"


def content(what, number, size):
    """Any bytes, which depend on all of this."""
    return hashlib.shake_128(f"{what} {number}".encode()).digest(size)


def body_of(moment, size):
    """The body of the put that was sent in that moment."""
    return b"%d %d " % (moment, size) + content("body", moment, size)


class History:
    def __init__(self):
        self.events = []
        self.life = 0
        self.moment = 0

    def copy(self):
        other = History()
        other.events, other.life, other.moment = list(self.events), self.life, self.moment
        return other

    def next(self):
        self.moment += 1
        return self.moment

    def command(self, sender, kind, job=None, moment=None, data=None, **rest):
        event = Command(
            moment or self.next(), self.life, sender, kind, job, None if data is None else brief(data), **rest)
        self.events.append(event)
        return event

    def reply(self, command, words, data=None):
        event = Reply(self.next(), self.life, command.moment, tuple(words), None if data is None else brief(data))
        self.events.append(event)
        return event

    def lines(self):
        """The history for people: moments, lives and senders, what was said, and what was answered to what."""
        commands = {}
        for event in self.events:
            if isinstance(event, Command):
                commands[event.moment] = event
                yield f"{event.moment} life {event.life} connection {event.sender}: {event.line} {event.data or ''}"
            else:
                command = commands[event.command]
                yield (f"{event.moment} life {event.life} connection {command.sender}: {' '.join(event.words)} "
                       f"{event.data or ''} to {command.moment}: {command.line}")
