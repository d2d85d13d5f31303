# SPDX-License-Identifier: Apache-2.0
# Kills workers, launchers, commands and daemons while jobs are worked on, and checks that every job that was acknowledged is
# done and deleted, that no job is done twice but for such a kill, and that nothing is left running.
#
#   work.py TALKBACK [--rounds N] [--kills N] [--seed S] [--worker 'COMMAND with {address}'] [--self-test]
#
# In every other round the worker is the daemon's own: serve --run.
#
# A worker and its launcher that are killed at the same moment leave nobody who could end the commands: these go on to their
# own end, beside the next attempt. Of what a command leaves behind when it alone is killed nobody takes care either.

import argparse
import collections
import dataclasses
import os
import random
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time

from service import Client, Failed, Server, fields

TUBE = "crash"
CONCURRENCY = 8
# Touched three times in that time.
TIME_TO_RUN = 12
# Between a launcher's SIGTERM and its SIGKILL.
GRACE = 5
# For a machine that is busy with other things.
SLACK = 5
# How late a command may begin that was on its way at a kill.
LATE = 1
# Until something happens that has to happen.
PATIENCE = 60
KINDS = ("worker", "daemon", "launcher", "command", "worker and launcher")

# The body has a key, a time, and how to behave: c with a child in the background, s deaf to SIGTERM, f fails the first time,
# h hangs the first time until the kills are over.
JOB = r"""
record=$1 over=$2
read -r key seconds manners
case $manners in *s*) trap '' TERM ;; esac
worker=0
read -r _ _ _ worker _ < "/proc/$PPID/stat"
say() {
    read -r now _ < /proc/uptime
    echo "$1 $TALKBACK_JOB_ID $TALKBACK_ATTEMPT $$ $now $2" >> "$record"
}
say start "$PPID ${worker:-0} $key"
child=
case $manners in *c*) sleep 1000 & child=$!; say child $child ;; esac
case "$manners $TALKBACK_ATTEMPT" in
*h*' 1') while [ ! -e "$over" ]; do sleep 0.2; done ;;
*) sleep "$seconds" ;;
esac
[ -z "$child" ] || { kill -9 "$child"; wait "$child"; } 2> /dev/null
case "$manners $TALKBACK_ATTEMPT" in *f*' 1') say end failed; exit 1 ;; esac
say end done
"""


def now():
    """On the clock of /proc/uptime, which a shell can read without another process."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wait_until(condition, what):
    limit = now() + PATIENCE
    while not condition():
        if now() > limit:
            raise Failed(f"{what} within {PATIENCE} s")
        time.sleep(0.01)


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return None


def find_reaper():
    """The process that becomes the parent of those whose parent has ended."""
    script = """(while read -r _ _ _ parent _ < /proc/self/stat && [ "$parent" = $$ ]; do sleep 0.01; done; echo "$parent") &"""
    return int(subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, check=True, timeout=30).stdout)


def tagged(tag):
    """All processes that live and have that in their environment."""
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if tag.encode() not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{name}/stat") as file:
                words = file.read().rsplit(")", 1)[1].split()
            with open(f"/proc/{name}/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if words[0] not in "ZX":
            yield int(name), int(words[2]), command


@dataclasses.dataclass
class Process:
    """One that is watched until its end. A zombie has ended, whoever should ask for it."""

    pid: int
    seen: float
    worker: int = 0  # of a launcher
    descriptor: int = -1
    death: float | None = None

    @property
    def over(self):
        return float("inf") if self.death is None else self.death


@dataclasses.dataclass
class Run:
    job: int
    attempt: int
    process: Process
    start: float
    launcher: int
    worker: int
    key: int
    children: list = dataclasses.field(default_factory=list)
    end: float | None = None
    done: bool = False
    gone: float = float("inf")  # when the job was seen to be deleted

    @property
    def released(self):
        """When its job was not held any more, at the latest."""
        return self.gone if self.done else self.process.over

    def __str__(self):
        return f"attempt {self.attempt} of job {self.job}"


@dataclasses.dataclass
class Kill:
    kind: str
    begin: float
    end: float
    pids: set
    bound: float | None  # how soon what it hits is gone

    def __str__(self):
        return f"the kill of the {self.kind} at {self.begin:.2f}"

    def hits(self, run, reaper, late=LATE):
        """Whether the run's job was held by what was killed."""
        if run.start > self.end + LATE or run.released < self.begin:
            return False
        if self.kind == "daemon":
            return run.start <= self.end + late
        if self.kind == "command":
            return run.process.pid in self.pids
        # Of one that began in the very moment it cannot be told whose it was.
        own = {run.launcher, run.worker}
        return bool(self.pids & own) or bool(own & {reaper, 0}) and run.start > self.begin - LATE


@dataclasses.dataclass
class History:
    reaper: int
    runs: list = dataclasses.field(default_factory=list)
    kills: list = dataclasses.field(default_factory=list)
    launchers: list = dataclasses.field(default_factory=list)
    workers: list = dataclasses.field(default_factory=list)
    acknowledged: dict = dataclasses.field(default_factory=dict)  # keys by number
    unanswered: set = dataclasses.field(default_factory=set)  # keys


class Monitor(threading.Thread):
    """Reads what the commands write down, and sees processes end."""

    def __init__(self, history, record):
        super().__init__(daemon=True)
        self.history, self.record = history, record
        self.events = select.epoll()
        self.watched = {}  # by descriptor
        self.running = {}  # by process number
        self.finished = collections.deque()  # done, and to be deleted
        self.is_stopping = False
        self.problem = None

    def run(self):
        try:
            with open(self.record, "rb") as file:
                rest = b""
                while not self.is_stopping:
                    *lines, rest = (rest + file.read()).split(b"\n")
                    for line in lines:
                        self.take(line.decode().split())
                    for descriptor, _ in self.events.poll(0.01):
                        self.watched[descriptor].death = now()
                        self.forget(descriptor)
        except Exception as problem:
            self.problem = f"{type(problem).__name__}: {problem}"

    def forget(self, descriptor):
        process = self.watched.pop(descriptor)
        # Its end alone does not, while another thread starts a process.
        self.events.unregister(descriptor)
        process.descriptor = -1
        os.close(descriptor)
        run = self.running.get(process.pid)
        if run and run.process is process:
            del self.running[process.pid]

    def watch(self, pid, worker=0):
        process = Process(pid, now(), worker)
        try:
            process.descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            process.death = process.seen
        else:
            self.watched[process.descriptor] = process
            self.events.register(process.descriptor, select.EPOLLIN)
        return process

    def take(self, words):
        kind, job, attempt, pid = words[0], int(words[1]), int(words[2]), int(words[3])
        moment, rest = float(words[4]), words[5:]
        if kind == "start":
            launcher, worker, key = map(int, rest)
            known = next((each for each in self.history.launchers if each.pid == launcher and each.death is None), None)
            run = Run(job, attempt, self.watch(pid), moment, launcher, known.worker if known else worker, key)
            self.history.runs.append(run)
            if run.process.death is None:
                self.running[pid] = run
            if not known and {launcher, worker}.isdisjoint({self.history.reaper, 0}):
                self.history.launchers.append(self.watch(launcher, worker))
                if not any(each.pid == worker and each.death is None for each in self.history.workers):
                    self.history.workers.append(self.watch(worker))
            return
        run = next(run for run in reversed(self.history.runs) if (run.job, run.attempt, run.process.pid) == (job, attempt, pid))
        if kind == "child":
            run.children.append(self.watch(int(rest[0])))
        else:
            run.end, run.done = moment, rest[0] == "done"
            if run.done:
                self.finished.append(run)

    def stop(self):
        self.is_stopping = True
        self.join()
        for descriptor in list(self.watched):
            self.forget(descriptor)


class Asker(threading.Thread):
    """Sees when jobs that are done are deleted: what it was told of they must not come back from."""

    def __init__(self, monitor, address):
        super().__init__(daemon=True)
        self.monitor, self.address = monitor, address
        self.waiting = []
        self.count = 0  # jobs that are deleted
        self.is_stopping = False
        self.problem = None

    def run(self):
        while not self.is_stopping:
            try:
                with Client(self.address, seconds=10) as client:
                    while not self.is_stopping:
                        self.ask(client)
            except OSError:
                time.sleep(0.02)
            except Exception as problem:
                self.problem = f"{type(problem).__name__}: {problem}"
                return

    def ask(self, client):
        while self.monitor.finished:
            self.waiting.append(self.monitor.finished.popleft())
        replies = client.ask_all([f"stats-job {run.job}\r\n" for run in self.waiting])
        for run, (words, _) in zip(self.waiting, replies):
            if words == ["NOT_FOUND"]:
                run.gone = now()
                self.count += 1
        self.waiting = [run for run in self.waiting if run.gone == float("inf")]
        time.sleep(0.005)


class Putter(threading.Thread):
    """Puts jobs for as long as it may, and notes which are acknowledged."""

    backlog = 40
    keys = 0
    lock = threading.Lock()

    def __init__(self, history, asker, address, seed):
        super().__init__(daemon=True)
        self.history, self.asker, self.address = history, asker, address
        self.random = random.Random(seed)
        self.hanging = 0  # jobs to come
        self.is_stopping = False
        self.problem = None

    def body(self):
        with Putter.lock:
            Putter.keys += 1
            key = Putter.keys
        manners = [letter for letter, share in (("c", 0.2), ("f", 0.1)) if self.random.random() < share]
        seconds = self.random.uniform(0, 0.15) if self.random.random() < 0.95 else self.random.uniform(0.5, 2)
        if self.hanging:
            self.hanging -= 1
            manners = ["h"] + [letter for letter in "cs" if self.random.random() < 0.6]
        return key, f"{key} {seconds:.3f} {''.join(manners)}\n".encode()

    def run(self):
        while not self.is_stopping:
            try:
                with Client(self.address, seconds=10) as client:
                    client.ask(f"use {TUBE}\r\n")
                    while not self.is_stopping:
                        self.put(client)
            except OSError:
                time.sleep(0.02)
            except Failed as problem:
                self.problem = str(problem)
                return

    def put(self, client):
        if not self.hanging and len(self.history.acknowledged) - self.asker.count > self.backlog:
            time.sleep(0.01)
            return
        key, body = self.body()
        self.history.unanswered.add(key)
        words, _ = client.put(body, ttr=TIME_TO_RUN)
        if words[0] != "INSERTED":
            raise Failed(f"put was answered {' '.join(words)}")
        self.history.acknowledged[int(words[1])] = key
        self.history.unanswered.discard(key)
        time.sleep(self.random.uniform(0, 0.02))


class Round:
    def __init__(self, program, place, seed, is_run, worker=None):
        self.program, self.place, self.seed, self.is_run = program, place, seed, is_run
        self.random = random.Random(seed)
        self.own_worker = worker
        self.tag = f"CRASH_TEST={os.getpid()}-{seed}"
        self.environment = {**dict([self.tag.split("=")]), "XDG_STATE_HOME": os.path.join(place, "state")}
        self.folder, self.script, self.record, self.over = (
            os.path.join(place, name) for name in ("data", "job", "record", "over"))
        os.mkdir(self.folder)
        for path, text in ((self.script, JOB), (self.record, "")):
            with open(path, "w") as file:
                file.write(text)
        self.history = History(find_reaper())
        self.monitor = Monitor(self.history, self.record)
        self.port = 0
        self.daemon = self.worker = self.putter = self.asker = None

    # What there is

    def command(self):
        return ["sh", self.script, self.record, self.over]

    def start_daemon(self, with_run=True):
        command = [self.program, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.folder]
        if self.is_run and with_run:
            command += ["--attempts", "1000", "--backoff", "0", "--run", f"{TUBE}:{CONCURRENCY}={shlex.join(self.command())}"]
        self.daemon = Server(command, self.folder, self.environment)
        # So that the worker finds the next one.
        self.port = self.daemon.port

    def start_worker(self):
        if self.is_run:
            return
        command = [self.program, "work", "--address", "{address}", "--tube", TUBE, "--concurrency", str(CONCURRENCY)]
        command += ["--attempts", "1000", "--backoff", "0"]
        if self.own_worker:
            command = shlex.split(self.own_worker)
        command = [part.replace("{address}", f"127.0.0.1:{self.port}") for part in command]
        self.worker = Server(command + ["--"] + self.command(), self.folder, self.environment, wait=False)

    def check_alive(self):
        for name, server in (("daemon", self.daemon), ("worker", self.worker)):
            if server and server.process.poll() is not None:
                raise Failed(f"the {name} has ended with {server.process.returncode}: {server.said()[-2000:]}")
        for thread in (self.monitor, self.putter, self.asker):
            if thread.problem:
                raise Failed(thread.problem)

    def wait_for_commands(self):
        found = []
        wait_until(lambda: found.append(self.current()) or found[-1], "no command was running")
        return found[-1]

    def current(self):
        """The worker that there is now, its launcher and what that runs, once all of them are there."""
        self.check_alive()
        for launcher in self.history.launchers:
            worker = next((each for each in self.history.workers if each.pid == launcher.worker and each.death is None), None)
            if launcher.death is not None or worker is None or parent_of(launcher.pid) != worker.pid:
                continue
            if worker.pid != self.worker.process.pid if self.worker else parent_of(worker.pid) != self.daemon.process.pid:
                continue
            runs = [run for run in list(self.monitor.running.values()) if run.launcher == launcher.pid and run.end is None]
            if runs:
                return worker, launcher, runs
        return None

    # What is done to it

    def kill(self, kind):
        self.wait_for_commands()
        # What can end a hanging command is to find one.
        self.putter.hanging += max(0, self.random.randint(1, 3) - self.putter.hanging - self.hanging_count())
        time.sleep(self.random.uniform(0.1, 1))
        worker, launcher, runs = self.wait_for_commands()
        begin = now()
        pids, bound = {worker.pid}, GRACE
        if kind == "daemon":
            pids = {self.daemon.process.pid}
            # Without the daemon's own end on its standard input, a worker finds out when it touches the job.
            bound += 0 if self.is_run else TIME_TO_RUN / 3
            self.daemon.kill()
        elif kind == "launcher":
            pids, bound = {launcher.pid}, 0
            self.send(launcher, signal.SIGKILL)
        elif kind == "command":
            run = self.random.choice(runs)
            pids, bound = {run.process.pid}, 0
            self.send(run.process, signal.SIGKILL)
        else:
            if kind == "worker and launcher":
                pids, bound = {worker.pid, launcher.pid}, None
                # So that neither sees the other's end.
                self.send(launcher, signal.SIGSTOP)
                self.send(worker, signal.SIGSTOP)
                self.send(launcher, signal.SIGKILL)
            self.send(worker, signal.SIGKILL)
        self.history.kills.append(Kill(kind, begin, now(), pids, bound))
        self.recover(kind, launcher)

    def hanging_count(self):
        return sum(run.end is None and now() - run.start > 2 for run in list(self.monitor.running.values()))

    def send(self, process, number):
        if process.descriptor >= 0:
            try:
                signal.pidfd_send_signal(process.descriptor, number)
            except OSError:
                pass  # it has ended

    def recover(self, kind, launcher):
        if kind == "launcher":
            # A kill of its worker in this moment would be one of both.
            limit = now() + SLACK
            while now() < limit and any(run.launcher == launcher.pid for run in list(self.monitor.running.values())):
                time.sleep(0.01)
        if kind == "daemon":
            time.sleep(self.random.choice((0, self.random.uniform(0, 0.5))))
            self.start_daemon()
        if "worker" in kind and self.worker:
            self.worker.wait(30)
            time.sleep(self.random.choice((0, self.random.uniform(0, 0.5))))
            self.start_worker()

    def run(self, kills):
        try:
            self.monitor.start()
            self.start_daemon()
            self.start_worker()
            self.asker = Asker(self.monitor, self.daemon.address)
            self.putter = Putter(self.history, self.asker, self.daemon.address, self.seed)
            self.asker.start()
            self.putter.start()
            kinds = [KINDS[index % len(KINDS)] for index in range(kills)]
            self.random.shuffle(kinds)
            for kind in kinds:
                self.kill(kind)
            return self.finish()
        finally:
            self.clean_up()

    def finish(self):
        """Everything is let come to its end. What was found wrong, in words."""
        problems = []
        self.putter.is_stopping = True
        self.putter.join(PATIENCE)
        # Those that were hit just now may take their time, and nobody else is to end them first.
        limit = max((kill.end + kill.bound for kill in self.history.kills if kill.bound is not None), default=0) + SLACK
        orphaned = set().union(*(kill.pids for kill in self.history.kills if kill.bound is None))
        while now() < limit and any(self.is_hit(run) and not orphaned & {run.launcher, run.worker}
                                    for run in list(self.monitor.running.values())):
            time.sleep(0.01)
        with open(self.over, "w"):
            pass
        left = {}

        def is_empty():
            self.check_alive()
            left.clear()
            left.update(self.left())
            return not left

        try:
            wait_until(is_empty, "the jobs are not done")
        except Failed as problem:
            problems.append(f"{problem}: {left}")
        self.asker.is_stopping = True
        self.asker.join(PATIENCE)
        if self.worker:
            problems += self.ended("worker", self.worker)
            self.worker = None
        else:
            # It waits for its workers, and these for what was ended.
            problems += self.ended("daemon", self.daemon)
            self.start_daemon(with_run=False)
        # What is deleted stays deleted.
        self.daemon.kill()
        self.start_daemon(with_run=False)
        if not left and (left := self.left()):
            problems.append(f"after a restart there are jobs again: {left}")
        self.daemon.kill()
        killed = set().union(*(kill.pids for kill in self.history.kills if kill.kind == "command"))
        limit = now() + GRACE + SLACK
        while now() < limit and any(group not in killed for _, group, _ in tagged(self.tag)):
            time.sleep(0.02)
        problems += [f"process {pid} is left: {command}" for pid, group, command in tagged(self.tag) if group not in killed]
        # What has ended is to be seen so before the rest is taken for alive.
        limit = now() + SLACK
        while now() < limit and self.monitor.running:
            time.sleep(0.01)
        return problems

    def is_hit(self, run):
        return any(kill.hits(run, self.history.reaper) for kill in self.history.kills)

    def ended(self, name, server):
        status = server.stop()
        return [] if status == 0 else [f"SIGTERM has ended the {name} with {status}: {server.said()[-2000:]}"]

    def left(self):
        try:
            with Client(self.daemon.address) as client:
                words, data = client.ask(f"stats-tube {TUBE}\r\n")
        except OSError as problem:
            return {"nothing is known": str(problem)}
        states = ("ready", "reserved", "delayed", "buried")
        counts = {state: int(fields(data)[f"current-jobs-{state}"]) for state in states} if words[0] == "OK" else {}
        return {state: count for state, count in counts.items() if count}

    def clean_up(self):
        for thread in (self.putter, self.asker):
            if thread:
                thread.is_stopping = True
        for server in (self.worker, self.daemon):
            if server:
                server.kill()
        limit = now() + PATIENCE
        while (found := list(tagged(self.tag))) and now() < limit:
            for pid, _, _ in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        if self.monitor.is_alive():
            self.monitor.stop()


class Judgement:
    """What a history has that must not be."""

    def __init__(self, history):
        self.history = history
        self.problems = []
        self.again = self.twice = self.orphans = 0
        self.longest_overlap = self.longest_end = self.held = 0
        self.by_job = collections.defaultdict(list)
        for run in sorted(history.runs, key=lambda run: run.start):
            self.by_job[run.job].append(run)
        self.hits = {id(run): [kill for kill in history.kills if kill.hits(run, history.reaper)] for run in history.runs}
        self.held = sum(len(kills) for kills in self.hits.values())
        self.judge_jobs()
        self.judge_duplicates()
        self.judge_overlaps()
        self.judge_ends()

    def judge_jobs(self):
        for job, key in self.history.acknowledged.items():
            runs = self.by_job[job]
            if not any(run.done for run in runs):
                self.problems.append(f"job {job} was acknowledged and never done, in {len(runs)} attempts")
            if any(run.key != key for run in runs):
                self.problems.append(f"job {job} has the body of another")
        seen = collections.defaultdict(set)
        for job, runs in self.by_job.items():
            if job not in self.history.acknowledged:
                seen[runs[0].key].add(job)
        for key, jobs in seen.items():
            if key not in self.history.unanswered or len(jobs) > 1:
                self.problems.append(f"nobody has put {sorted(jobs)}, with the key {key}")

    def judge_duplicates(self):
        self.blame, self.reasons = collections.defaultdict(list), {}
        for job, runs in self.by_job.items():
            for run, following in zip(runs, runs[1:] + [None]):
                if run.end is None and not self.hits[id(run)]:
                    self.problems.append(f"{run} has ended without a word, and nothing was killed")
                if not following:
                    continue
                reasons = [kill for kill in self.hits[id(run)] if kill.begin <= following.start + 0.1]
                # A reserve alone is not kept, and so a daemon that starts again counts it no more.
                if run.attempt >= following.attempt and not any(
                        kill.kind == "daemon" and run.start - LATE < kill.begin < following.start for kill in self.history.kills):
                    self.problems.append(f"{following} came after {run}")
                if not reasons and (run.end is None or run.done):
                    state = "was done" if run.done else "was going on"
                    self.problems.append(f"{run} {state}, and came again: no kill explains it")
                if run.done:
                    self.again += 1
                    self.reasons[id(run)] = reasons
                    if reasons and not self.find_reason(run, set()):
                        self.problems.append(f"{run} was done, and came again: more than were held at {reasons[0]}")
            self.twice += max(0, sum(run.done for run in runs) - 1)

    def find_reason(self, run, tried):
        """Blames a kill for the run, no kill for more jobs than were held."""
        for kill in self.reasons[id(run)]:
            if id(kill) in tried:
                continue
            tried.add(id(kill))
            blame = self.blame[id(kill)]
            if len(blame) < (1 if kill.kind == "command" else CONCURRENCY):
                blame.append(run)
                return True
            for other in list(blame):
                if self.find_reason(other, tried):
                    blame[blame.index(other)] = run
                    return True
        return False

    def judge_overlaps(self):
        for runs in self.by_job.values():
            for index, following in enumerate(runs):
                for run in runs[:index]:
                    overlap = min(run.process.over, following.process.over) - following.start
                    # What the clock of /proc/uptime and the monitor may miss.
                    if overlap <= 0.1:
                        continue
                    self.longest_overlap = max(self.longest_overlap, overlap)
                    if not any(kill.kind != "command" and kill.begin <= following.start + 0.1 for kill in self.hits[id(run)]):
                        self.problems.append(f"{run} went on for {overlap:.2f} s beside {following}: no kill explains it")

    def judge_ends(self):
        for run in self.history.runs:
            # What began when the daemon was there again is not to end with the one before.
            kills = [kill for kill in self.hits[id(run)] if kill.hits(run, self.history.reaper, late=kill.begin - kill.end)]
            killed = any(kill.kind == "command" for kill in kills)
            if run.process.death is None:
                self.problems.append(f"the command of {run} is left")
            if any(kill.bound is None for kill in kills):
                self.orphans += run.process.over > min(kill.end for kill in kills if kill.bound is None) + 0.1
                continue
            for kill in kills:
                alone = kill.kind == "command" or killed
                if self.is_late(f"the command of {run}", run.process, kill) or not alone and any(
                        self.is_late(f"a child of {run}", child, kill) for child in run.children):
                    break
        for name, helpers in (("launcher", self.history.launchers), ("worker", self.history.workers)):
            for helper in helpers:
                for kill in self.history.kills:
                    was_daemons = kill.kind == "daemon" and kill.bound == GRACE
                    is_hit = was_daemons or kill.kind == "worker" and helper.worker in kill.pids
                    if is_hit and helper.seen <= kill.begin < helper.over and self.is_late(f"{name} {helper.pid}", helper, kill):
                        break

    def is_late(self, what, process, kill):
        """Whether it has ended too late for a kill. A group's zombies keep a launcher until init asks for them."""
        if process.death is not None:
            self.longest_end = max(self.longest_end, process.death - kill.end)
        if process.over <= kill.end + kill.bound + SLACK:
            return False
        late = "is left" if process.death is None else f"has ended {process.death - kill.end:.1f} s"
        self.problems.append(f"{what} {late} after {kill}; it may be {kill.bound + SLACK:g} s")
        return True

    def summary(self):
        kinds = collections.Counter(kill.kind for kill in self.history.kills)
        return (f"{len(self.history.acknowledged)} jobs, {len(self.history.runs)} attempts, killed "
                f"{', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))} while {self.held} jobs were held; "
                f"{self.again} came again after they were done, {self.twice} were done again; {self.orphans} commands left "
                f"with nobody; longest overlap {self.longest_overlap:.1f} s, last end {self.longest_end:.1f} s after a kill")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--kills", type=int, default=15, help="in each round")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--worker", help="another worker, in all rounds; {address} stands for the daemon's")
    parser.add_argument("--self-test", action="store_true", help="doctors what was seen, and checks that it is noticed")
    parser.add_argument("--keep", help="the beginning of the names of files for records with something wrong")
    options = parser.parse_args()
    problems = unseen = 0
    for number in range(options.rounds):
        is_run = number % 2 == 1 and not options.worker
        with tempfile.TemporaryDirectory() as place:
            test = Round(os.path.abspath(options.talkback), place, f"{options.seed} {number}", is_run, options.worker)
            begin = now()
            try:
                found = test.run(options.kills)
            except (Failed, OSError) as problem:
                found = [str(problem)]
            judgement = Judgement(test.history)
            found += judgement.problems
            if found and options.keep:
                with open(test.record) as record, open(f"{options.keep}-{number}", "w") as kept:
                    kept.write(record.read() + "".join(f"{kill}: {kill.pids}\n" for kill in test.history.kills))
        for problem in found[:20]:
            print(f"round {number}: {problem}", file=sys.stderr)
        print(f"work, round {number} with seed {options.seed}, {'serve --run' if is_run else 'a worker'}: "
              f"{judgement.summary()}; {now() - begin:.0f} s, {len(found)} violations", flush=True)
        problems += len(found)
        if options.self_test and not found:
            from selftest import test_of_work
            unseen += test_of_work(test.history, lambda doctored: Judgement(doctored).problems)
    return 1 if problems or unseen else 0


if __name__ == "__main__":
    sys.exit(main())
