# SPDX-License-Identifier: Apache-2.0
# Judges a history of outcomes.py: what a server has told of a job must stay true in all of its lives.
#
# What was told binds the answers to all that was sent after it was received. A command without a reply has happened or has
# not; so has one whose reply is still to come.

import collections

from history import ENDS, LOSSES, RELEASED, Command

ASKING = ("state", "wait", "follow")
# What takes a job out for good.
REMOVING = ("finish", "delete", "cancel")
ANSWERS = {
    "put": ("INSERTED",),
    "reserve": ("RESERVED", "TIMED_OUT"),
    "progress": ("TOUCHED", "CANCELLED", "NOT_FOUND"),
    "finish": ("FINISHED", "CANCELLED", "NOT_FOUND"),
    "fail": ("RELEASED", "BURIED", "CANCELLED", "NOT_FOUND"),
    "touch": ("TOUCHED", "NOT_FOUND"),
    "release": ("RELEASED", "BURIED", "NOT_FOUND"),
    "bury": ("BURIED", "NOT_FOUND"),
    "delete": ("DELETED", "NOT_FOUND"),
    "cancel": ("CANCELLED", "TOO_LATE", "NOT_FOUND"),
    "state": ("STATE", "NOT_FOUND"),
    "wait": ("STATE", "NOT_FOUND"),
    "follow": ("STATE", "TIMED_OUT", "NOT_FOUND"),
}


class Known:
    """What is known of a job, and since when."""

    def __init__(self, job):
        self.job = job
        self.tags = None
        self.tube = None
        self.put = None  # the moment of the put that has made it
        self.commands = []
        self.ends, self.end_data, self.end_moment, self.end_reply = frozenset(ENDS), None, None, None
        self.handed = []  # the moments of the replies to reserve
        self.attempts = []  # moments, and the highest attempt told until then
        self.given_back = []  # moment, the attempts that were known before, why
        self.waited = {}  # by attempt: moment, why the one before has failed
        self.is_suspect = False

    def handed_before(self, moment):
        return sum(other < moment for other in self.handed)

    def attempt_before(self, moment):
        return max((attempt for other, attempt in self.attempts if other < moment), default=0)

    def has_ended_before(self, moment):
        return self.end_moment is not None and self.end_moment < moment


class Verdict:
    """What a history has that must not be. One problem is told of each job, and of each key."""

    def __init__(self, history):
        self.problems = []
        self.counts = collections.Counter()
        self.jobs = {}
        self.keys = collections.defaultdict(list)  # by tube and key: moment, job
        self.wrong_keys = set()
        self.commands, self.answers = {}, collections.defaultdict(list)
        self.open_reserves = collections.Counter()  # by life
        self.reserved = collections.defaultdict(list)  # by job: the lives in which it was given out
        for event in history.events:
            if isinstance(event, Command):
                self.commands[event.moment] = event
            else:
                self.answers[event.command].append(event)
                if event.words[0] == "RESERVED":
                    self.reserved[int(event.words[1])].append(event.life)
        # Each body is another.
        self.puts = {command.data: command for command in self.commands.values() if command.kind == "put"}
        for command in self.commands.values():
            if command.kind == "reserve" and not self.answers[command.moment]:
                self.open_reserves[command.life] += 1
        self.lost_reserves = sum(self.open_reserves.values())
        for event in history.events:
            if isinstance(event, Command):
                if event.job is not None:
                    self.known(event.job).commands.append(event)
            else:
                self.judge(self.commands[event.command], event)

    def known(self, job):
        if job not in self.jobs:
            self.jobs[job] = Known(job)
        return self.jobs[job]

    def wrong(self, job, text):
        if job and job.is_suspect:
            return
        if job:
            job.is_suspect = True
            text = f"job {job.job}{job.tags or ''}: {text}"
        self.problems.append(text)

    def may_have_happened(self, command):
        """Whether it was not refused. What it had to do it may still do when it has no reply."""
        return all(reply.words[0] not in ("NOT_FOUND", "CANCELLED", "TOO_LATE") or command.kind == "cancel"
                   and reply.words[0] == "CANCELLED" for reply in self.answers[command.moment])

    def judge(self, command, reply):
        word = reply.words[0]
        self.counts[command.kind, word] += 1
        job = self.known(command.job) if command.job is not None else None
        if job and job.is_suspect:
            return
        if word not in ANSWERS[command.kind]:
            return self.wrong(job, f"{command.line} was answered {' '.join(reply.words)}")
        if command.kind == "put":
            self.judge_put(command, reply)
        elif word == "RESERVED":
            self.judge_reserved(command, reply)
        elif word == "STATE":
            self.judge_state(job, command, reply)
        elif word == "NOT_FOUND":
            self.judge_not_found(job, command)
        elif command.kind != "reserve" and word != "TIMED_OUT":
            self.judge_change(job, command, reply)

    # What is told

    def ended(self, job, command, reply, states, data=None):
        """The job has ended, in one of these ways."""
        told = f"{command.line} was answered {' '.join(reply.words)}" + (f" with {reply.data!r}" if reply.data else "")
        if not job.ends & states or None not in (data, job.end_data) and data != job.end_data:
            return self.wrong(job, f"it had ended so: {job.end_reply}; and then {told}")
        if job.end_moment is None:
            job.end_moment, job.end_reply = reply.moment, told
        elif job.ends - states:
            job.end_reply = told
        job.ends &= states
        if data is not None:
            job.end_data = data

    def goes_on(self, job, command, reply):
        """The job has not ended."""
        if job.has_ended_before(command.moment):
            self.wrong(job, f"it had ended so: {job.end_reply}; and then {command.line} in life {command.life} was answered "
                       f"{' '.join(reply.words)}")

    def judge_put(self, command, reply):
        job = self.known(int(reply.words[1]))
        state = reply.words[2] if len(reply.words) > 2 else None
        if state is None:
            if job.put is not None and job.put != command.moment or any(
                    other.moment < command.moment for other in job.commands):
                return self.wrong(job, f"its number was given again, to {command.line}")
            job.put = command.moment
        elif not command.tags.key:
            return self.wrong(job, f"{command.line}, without a key, was answered {' '.join(reply.words)}")
        self.has_tags(job, command.tube, command.tags)
        if command.tags.key:
            self.judge_key(job, command, reply, state)
        if state == "BURIED":
            self.ended(job, command, reply, frozenset(["failed"]))
        elif state == "DELETED":
            self.ended(job, command, reply, frozenset(ENDS))
        else:
            self.goes_on(job, command, reply)

    def has_tags(self, job, tube, tags):
        if job.tags is None:
            job.tube, job.tags = tube, tags
        elif (job.tube, job.tags) != (tube, tags):
            self.wrong(job, f"it is told to be one in {tube} with {tags}")

    def judge_key(self, job, command, reply, state):
        key = command.tube, command.tags.key
        earlier, self.keys[key] = self.keys[key], [*self.keys[key], (reply.moment, job.job)]
        if key in self.wrong_keys:
            return
        told = f"key {key[1]} in {key[0]}: {command.line} in life {command.life} was answered {' '.join(reply.words)}"
        if command.tags.key_seconds:
            if any(other != job.job for _, other in earlier):
                self.wrong_keys.add(key)
                self.wrong(None, f"{told}, and it was {earlier[0][1]}")
            return
        if state == "DELETED":
            self.wrong_keys.add(key)
            return self.wrong(None, f"{told}, and is not to be remembered")
        latest = max((other for moment, other in earlier if moment < command.moment), default=job.job)
        if job.job < latest or job.job > latest and not any(
                other.kind in REMOVING and other.moment < reply.moment and self.may_have_happened(other)
                for other in self.known(latest).commands):
            self.wrong_keys.add(key)
            self.wrong(None, f"{told}, and it was {latest}, which nobody had taken out")

    def judge_reserved(self, command, reply):
        job = self.known(int(reply.words[1]))
        put = self.puts.get(reply.data)
        if put is None or job.put not in (None, put.moment):
            return self.wrong(job, f"it was given out with the body {reply.data!r}, which it was not put with")
        self.has_tags(job, put.tube, put.tags)
        self.goes_on(job, command, reply)
        job.handed.append(reply.moment)
        if job.tags.attempts and len(job.handed) > job.tags.attempts:
            self.wrong(job, f"it was given out {len(job.handed)} times")

    def judge_not_found(self, job, command):
        if command.kind == "delete" and not command.held:
            return
        if command.held:
            if not any(other.kind == "cancel" and self.may_have_happened(other) for other in job.commands):
                self.wrong(job, f"{command.line} was answered NOT_FOUND, and its worker had it")
            return
        if job.tags and job.tags.keep:
            return self.wrong(job, f"{command.line} in life {command.life} was answered NOT_FOUND")
        if not any(other.kind in REMOVING and self.may_have_happened(other) for other in job.commands):
            self.wrong(job, f"{command.line} in life {command.life} was answered NOT_FOUND, and nobody had taken it out")

    def judge_change(self, job, command, reply):
        word = reply.words[0]
        if word == "CANCELLED":
            self.ended(job, command, reply, frozenset(["cancelled"]), "")
            if not any(other.kind in ("cancel", "delete") for other in job.commands):
                self.wrong(job, f"{command.line} was answered CANCELLED, and nobody has cancelled it")
        elif word == "TOO_LATE":
            self.ended(job, command, reply, frozenset(["done", "failed"]))
        elif word == "FINISHED":
            self.ended(job, command, reply, frozenset(["done"]), command.data)
        elif word == "DELETED":
            self.ended(job, command, reply, frozenset(["done"] if command.held else ["failed", "cancelled"]),
                       "" if command.held else None)
        elif word == "BURIED":
            is_endless = command.kind == "release" or command.kind == "fail" and command.line.split()[2].isdigit()
            if is_endless and not job.tags.attempts:
                return self.wrong(job, f"{command.line} was answered BURIED, and it may be tried for ever")
            self.ended(job, command, reply, frozenset(["failed"]), command.data if command.kind == "fail" else
                       RELEASED if command.kind == "release" else "")
        else:
            self.goes_on(job, command, reply)
            if word == "RELEASED":
                before = job.handed_before(command.moment)
                job.given_back.append((reply.moment, before, command.data or ""))
                if job.tags.attempts and before >= job.tags.attempts:
                    self.wrong(job, f"{command.line} was answered RELEASED after {before} attempts")

    # What is told of a state

    def judge_state(self, job, command, reply):
        told = f"{command.line} in life {command.life} was answered {' '.join(reply.words)}" + (
            f" with {reply.data!r}" if reply.data else "")
        if len(reply.words) != 8:
            return self.wrong(job, told)
        _, identity, state, attempt, attempts, _, percent, _ = reply.words
        attempt = int(attempt)
        if int(identity) != job.job or job.tags and attempts != str(job.tags.attempts):
            return self.wrong(job, told)
        self.judge_attempt(job, command, reply, state, attempt, told)
        if state in ENDS:
            self.judge_end(job, command, reply, state, attempt, told)
            if percent != ("100" if state == "done" else "0"):
                self.wrong(job, told)
            return
        self.goes_on(job, command, reply)
        if state == "running":
            # Whoever had it in an earlier life has it no more.
            if not self.open_reserves[reply.life] and reply.life not in self.reserved[job.job]:
                self.wrong(job, f"{told}, and nobody has it")
        else:
            self.judge_waiting(job, command, reply, attempt, told)

    def judge_attempt(self, job, command, reply, state, attempt, told):
        # Of a job without a number of attempts, they are written a moment later.
        known = job.handed_before(command.moment) if job.tags and job.tags.attempts else 0
        if attempt < known:
            self.wrong(job, f"{told}, and {known} attempts had begun")
        if attempt < job.attempt_before(command.moment):
            self.wrong(job, f"{told}, and attempt {job.attempt_before(command.moment)} was told before")
        most = len(self.reserved[job.job]) + self.lost_reserves
        if attempt > most:
            self.wrong(job, f"{told}, and no more than {most} can have begun")
        allowed = job.tags.attempts if job.tags else 0
        if allowed or state in ENDS:
            job.attempts.append((reply.moment, attempt))
        if allowed and (attempt > allowed or attempt == allowed and state in ("waiting", "delayed")):
            self.wrong(job, f"{told}, and there are no more attempts")

    def judge_end(self, job, command, reply, state, attempt, told):
        self.ended(job, command, reply, frozenset([state]), reply.data)
        possible = [other for other in job.commands if other.moment < reply.moment and self.may_have_happened(other)]
        if state == "done":
            reasons = [other.data if other.kind == "finish" else "" for other in possible
                       if other.kind == "finish" or other.kind == "delete" and other.held]
        elif state == "cancelled":
            reasons = ["" for other in possible if other.kind == "cancel" or other.kind == "delete" and not other.held]
        else:
            reasons = [other.data or "" for other in possible if other.kind in ("fail", "bury")]
            if job.tags and job.tags.attempts and attempt >= job.tags.attempts:
                reasons += LOSSES + [RELEASED for other in possible if other.kind == "release"]
        if reply.data not in reasons:
            self.wrong(job, f"{told}, and nobody has ended it so")

    def judge_waiting(self, job, command, reply, attempt, told):
        reasons = {"", *LOSSES} | {other.data for other in job.commands if other.kind == "fail"}
        if reply.data not in reasons:
            return self.wrong(job, f"{told}, and nobody has given that reason")
        back = max((entry for entry in job.given_back if entry[0] < command.moment), default=None)
        # Without a number of attempts some may be forgotten, and their numbers are given again.
        if back and job.tags.attempts and back[1] == attempt and reply.data != back[2]:
            return self.wrong(job, f"{told}, and attempt {attempt} had failed with {back[2]!r}")
        # That without a reason an attempt was over may be forgotten with it.
        if job.tags.attempts or reply.data:
            job.waited.setdefault(attempt, (reply.moment, reply.data))
        moment, reason = job.waited.get(attempt, (reply.moment, reply.data))
        if moment < command.moment and reason != reply.data:
            self.wrong(job, f"{told}, and after attempt {attempt} it was {reason!r} before")
