# SPDX-License-Identifier: Apache-2.0
# Kills workers, launchers, commands and daemons while jobs are worked on, and checks that every job that was acknowledged is
# done and deleted, that no job is done twice but for such a kill, and that nothing is left running.
#
#   work.py TALKBACK [--rounds N] [--kills N] [--seed S] [--worker 'COMMAND with {address}'] [--must-fail] [--self-test]
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
TIME_TO_RUN = 9
# Between a launcher's SIGTERM and its SIGKILL.
GRACE = 5
# For a machine that is busy with other things.
SLACK = 5
# How long after a command's end its job may still be held, for lack of an answer to its delete.
SETTLING = 2
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


def wait_until(condition, what, seconds=PATIENCE):
    limit = now() + seconds
    while not condition():
        if now() > limit:
            raise Failed(f"{what} within {seconds} s")
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

    def hits(self, run, reaper):
        """Whether the run's job was held by what was killed."""
        over = run.process.over if run.end is None else min(run.end, run.process.over)
        if run.start > self.end + 1 or over < self.begin - SETTLING:
            return False
        if self.kind == "daemon":
            return True
        # Of one that began in the very moment it cannot be told whose it was.
        own = {run.process.pid} if self.kind == "command" else {run.launcher, run.worker}
        return bool(self.pids & own) or self.kind != "command" and bool(own & {reaper, 0}) and run.start > self.begin - 1


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
        self.finished = set()
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
                self.finished.add(job)

    def stop(self):
        self.is_stopping = True
        self.join()
        for descriptor in list(self.watched):
            self.forget(descriptor)


class Putter(threading.Thread):
    """Puts jobs for as long as it may, and notes which are acknowledged."""

    backlog = 40
    keys = 0
    lock = threading.Lock()

    def __init__(self, history, monitor, address, seed):
        super().__init__(daemon=True)
        self.history, self.monitor, self.address = history, monitor, address
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
        if not self.hanging and len(self.history.acknowledged) - len(self.monitor.finished) > self.backlog:
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
        self.daemon = self.worker = self.putter = None

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
        for thread in (self.monitor, self.putter):
            if thread.problem:
                raise Failed(thread.problem)

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
        wait_until(self.current, "no command was running", PATIENCE)
        # What can end a hanging command is to find one.
        self.putter.hanging += max(0, self.random.randint(1, 3) - self.putter.hanging - self.hanging_count())
        pause = now() + self.random.uniform(0.1, 1)
        wait_until(lambda: now() > pause, "time has not gone by")
        found = self.current()
        while not found:
            wait_until(self.current, "no command was running", PATIENCE)
            found = self.current()
        worker, launcher, runs = found
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
            except (ProcessLookupError, OSError):
                pass

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
            self.putter = Putter(self.history, self.monitor, self.daemon.address, self.seed)
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
        # Ends are told once more before the others are taken for alive.
        wait_until(lambda: not self.monitor.running or now() > limit + 1, "no end was seen")
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
        if self.putter:
            self.putter.is_stopping = True
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
        self.longest_overlap = 0
        self.by_job = collections.defaultdict(list)
        for run in sorted(history.runs, key=lambda run: (run.attempt, run.start)):
            self.by_job[run.job].append(run)
        self.hits = {id(run): [kill for kill in history.kills if kill.hits(run, history.reaper)] for run in history.runs}
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
        blamed = collections.Counter()
        for job, runs in self.by_job.items():
            for run, following in zip(runs, runs[1:] + [None]):
                reasons = self.hits[id(run)]
                if run.end is None and not reasons:
                    self.problems.append(f"{run} has ended without a word, and nothing was killed")
                if not following:
                    continue
                if run.attempt == following.attempt:
                    self.problems.append(f"{run} was started twice")
                if not reasons and (run.end is None or run.done):
                    self.problems.append(f"{run} {'was done' if run.done else 'was going on'}, and came again: no kill explains it")
                if run.done:
                    self.again += 1
                    # The first with room, as a kill can leave no more jobs than were held.
                    room = [k for k in reasons if blamed[k.begin] < (1 if k.kind == "command" else CONCURRENCY)]
                    if reasons and not room:
                        self.problems.append(f"{run} was done, and came again: more than were held at {reasons[0]}")
                    for kill in room[:1]:
                        blamed[kill.begin] += 1
            self.twice += max(0, sum(run.done for run in runs) - 1)

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
            kills = self.hits[id(run)]
            killed = any(kill.kind == "command" for kill in kills)
            if run.process.death is None:
                self.problems.append(f"the command of {run} is left")
            if any(kill.bound is None for kill in kills):
                self.orphans += run.process.over > min(kill.end for kill in kills if kill.bound is None) + 0.1
                continue
            for kill in kills:
                if kill.kind != "command":
                    self.judge_end(f"the command of {run}", run.process, kill)
                    for child in run.children if not killed else ():
                        self.judge_end(f"a child of {run}", child, kill)
                else:
                    self.judge_end(f"the command of {run}", run.process, kill)
        for kill in self.history.kills:
            for name, helpers in (("launcher", self.history.launchers), ("worker", self.history.workers)):
                for helper in helpers:
                    owned = (kill.kind == "daemon" and kill.bound == GRACE or kill.kind == "worker" and helper.worker in kill.pids)
                    if owned and helper.seen <= kill.begin < helper.over:
                        self.judge_end(f"{name} {helper.pid}", helper, kill)

    def judge_end(self, what, process, kill):
        if process.over > kill.end + kill.bound + SLACK:
            late = "is left" if process.death is None else f"has ended {process.death - kill.end:.1f} s"
            self.problems.append(f"{what} {late} after {kill}; it may be {kill.bound + SLACK:g} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--kills", type=int, default=15, help="in each round")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--worker", help="another worker, in all rounds; {address} stands for the daemon's")
    parser.add_argument("--must-fail", action="store_true")
    parser.add_argument("--self-test", action="store_true", help="doctors what was seen, and checks that it is noticed")
    parser.add_argument("--keep", help="a file to which the record goes when something was wrong")
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
                with open(test.record) as record, open(options.keep, "w") as kept:
                    kept.write(record.read() + "".join(f"{kill}: {kill.pids}\n" for kill in test.history.kills))
        for problem in found[:20]:
            print(f"round {number}: {problem}", file=sys.stderr)
        history = test.history
        kinds = collections.Counter(kill.kind for kill in history.kills)
        hit = sum(1 for run in history.runs if judgement.hits[id(run)])
        print(f"work, round {number} with seed {options.seed}, {'serve --run' if is_run else 'a worker'}: "
              f"{len(history.acknowledged)} jobs, {len(history.runs)} attempts, killed "
              f"{', '.join(f'{count} {kind}' for kind, count in kinds.items())} with {hit} attempts held; "
              f"{judgement.again} came again after they were done, {judgement.twice} were done once more, {judgement.orphans} left "
              f"with nobody, longest overlap {judgement.longest_overlap:.1f} s; {now() - begin:.0f} s, {len(found)} violations",
              flush=True)
        problems += len(found)
        if options.self_test and not found:
            from selftest import test_of_work
            unseen += test_of_work(history, Judgement)
    if options.must_fail:
        print("as it must, this was seen" if problems else "nothing was wrong, and something must have been")
    return 1 if bool(problems) != options.must_fail or unseen else 0


if __name__ == "__main__":
    sys.exit(main())
