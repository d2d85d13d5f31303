# SPDX-License-Identifier: Apache-2.0
# Kills a server again and again while jobs are put with tags, finished, failed, cancelled and followed, and checks that what
# was told of a job stays true: its outcome byte for byte, that it was cancelled, its attempts, and its key.
#
#   outcomes.py TALKBACK [--rounds N] [--repeat N] [--seed S] [--sync MODE] [--shim LIBRARY] [--self-test] [--must-fail]
#
# With --shim, the compiled shim.c, what was not synced is lost with each kill, as in power.py.

import argparse
import collections
import os
import random
import sys
import tempfile
import time

from history import ENDS, History
from outcomes_load import PATIENCE, TUBES, Load
from power import PowerLoss
from service import Client, Failed, Server, fields, talkback
from verdict import ASKING, Verdict

# None may be dropped.
MOST_OUTCOMES = 1 << 30


def ask_all(history, address, jobs):
    """The states of those jobs, as the history has them."""
    answers = {}
    with Client(address, seconds=PATIENCE) as client:
        sender = history.next()
        for start in range(0, len(jobs), 50):
            batch = jobs[start : start + 50]
            commands = [history.command(sender, "state", job, line=f"state {job}") for job in batch]
            for command, (words, data) in zip(commands, client.ask_all([f"{command.line}\r\n" for command in commands])):
                answers[command.job] = history.reply(command, words, data)
    return answers


class Rounds:
    """Rounds of start, check, load and kill over one folder."""

    def __init__(self, command, folder, seed):
        self.command, self.folder, self.seed = command, folder, seed
        self.random = random.Random(seed)
        self.history = History()
        self.jobs = []
        self.ended = collections.Counter()  # how often a job was found so
        self.kills = 0

    def start(self, wait=True):
        self.history.life += 1
        return Server(self.command, self.folder, self.environment(), wait)

    def kill(self, server):
        self.kills += 1
        server.kill()

    def environment(self):
        return {}

    def after_kill(self, number):
        pass

    def check(self, server, everything=False):
        jobs = [job for job in dict.fromkeys(self.jobs) if everything or self.ended[job] < 2]
        old = [job for job, count in self.ended.items() if count >= 2]
        jobs += [] if everything else self.random.sample(old, min(len(old), 30))
        answers = ask_all(self.history, server.address, jobs)
        for job, reply in answers.items():
            if reply.words[0] == "NOT_FOUND" or reply.words[2] in ENDS:
                self.ended[job] += 1
        return answers

    def run(self, rounds):
        for number in range(rounds):
            # A recovery can be killed too.
            for _ in range(self.random.choice((0, 0, 0, 0, 1, 2))):
                server = self.start(wait=False)
                time.sleep(self.random.uniform(0, 0.1))
                self.kill(server)
                self.after_kill(number)
            server = self.start()
            self.check(server)
            load = Load(self.history, self.jobs, server.address, f"{self.seed} {number}", number)
            load.run(self.random.uniform(0.02, 0.4), lambda: self.kill(server))
            self.after_kill(number)
        server = self.start()
        self.check(server, everything=True)
        self.drain(server)
        answers = self.check(server, everything=True)
        if waiting := [job for job, reply in answers.items() if reply.words[0] == "STATE" and reply.words[2] not in ENDS]:
            raise Failed(f"nobody gets the jobs {waiting[:10]}")
        if (status := server.stop()) != 0:
            raise Failed(f"SIGTERM ended the server with {status}: {server.said()}")
        self.after_kill(rounds)
        server = self.start()
        self.check(server, everything=True)
        self.kill(server)
        self.after_kill(rounds)

    def drain(self, server):
        """Everything is finished that can be."""
        limit = time.monotonic() + PATIENCE
        with Client(server.address, seconds=PATIENCE) as client:
            sender = self.history.next()

            def ask(kind, job=None, line=None, body=b"", **rest):
                command = self.history.command(sender, kind, job, line=line, **rest)
                reply = self.history.reply(command, *client.ask(line.encode() + b"\r\n" + body))
                return reply.words

            for tube in TUBES:
                client.ask(f"watch {tube}\r\n")
            while time.monotonic() < limit:
                words = ask("reserve", line="reserve-with-timeout 0")
                if words[0] == "RESERVED":
                    job = int(words[1])
                    self.jobs.append(job)
                    ask("finish", job, f"finish {job} 4", b"last\r\n", held=True, data=b"last")
                    continue
                stats = fields(client.ask("stats\r\n")[1])
                if stats["outcomes-dropped"] != "0":
                    raise Failed(f"{stats['outcomes-dropped']} outcomes were dropped")
                if stats["current-jobs-ready"] == stats["current-jobs-delayed"] == stats["current-jobs-reserved"] == "0":
                    return
                time.sleep(0.05)
        raise Failed(f"the jobs are not done within {PATIENCE} s")


class PowerRounds(PowerLoss, Rounds):
    pass


def summary(rounds, count, verdict, problems, seconds):
    answers = collections.Counter()
    for (kind, word), number in verdict.counts.items():
        answers[word if kind not in ASKING else "states"] += number
    told = ", ".join(f"{answers[word]} {word}" for word in (
        "INSERTED", "RESERVED", "FINISHED", "RELEASED", "BURIED", "DELETED", "CANCELLED", "TOO_LATE", "states"))
    return (f"{count} rounds with seed {rounds.seed}, {rounds.kills} kills, {len(verdict.jobs)} jobs, {len(verdict.keys)} keys; "
            f"told {told}; {seconds:.0f} s, {len(problems)} violations")


def run(options, place, seed):
    """Rounds over a folder of their own; they, and what was found wrong."""
    command = talkback(os.path.abspath(options.talkback), options.sync) + ["--max-outcomes", str(MOST_OUTCOMES)]
    folder, notes = os.path.join(place, "rounds", "data"), os.path.join(place, "notes")
    os.makedirs(folder)
    os.mkdir(notes)
    begin = time.monotonic()
    rounds = PowerRounds(command, folder, seed, os.path.abspath(options.shim), notes) if options.shim else Rounds(
        command, folder, seed)
    problems = []
    try:
        rounds.run(options.rounds)
    except (Failed, OSError) as problem:
        problems.append(str(problem))
    verdict = Verdict(rounds.history)
    problems += verdict.problems
    for problem in problems[: 3 if options.must_fail else 20]:
        print(problem, file=sys.stderr)
    name = f"outcomes, {'power loss' if options.shim else 'kill -9'}, --sync {options.sync}"
    print(f"{name}: {summary(rounds, options.rounds, verdict, problems, time.monotonic() - begin)}", flush=True)
    return rounds, problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback")
    parser.add_argument("--rounds", type=int, default=100, help="over one folder")
    parser.add_argument("--repeat", type=int, default=1, help="with so many folders")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--sync", default="always")
    parser.add_argument("--shim", help="the compiled shim.c")
    parser.add_argument("--self-test", action="store_true", help="doctors what was seen, and checks that it is noticed")
    parser.add_argument("--must-fail", action="store_true", help="succeed when something is lost")
    parser.add_argument("--keep", help="the beginning of the names of files for histories with something wrong")
    options = parser.parse_args()
    found = unseen = 0
    for number in range(options.repeat):
        with tempfile.TemporaryDirectory() as place:
            rounds, problems = run(options, place, options.seed + number)
        found += len(problems)
        if problems and options.keep:
            with open(f"{options.keep}-{number}", "w") as file:
                file.write("".join(f"{line}\n" for line in rounds.history.lines()))
        if options.self_test and number == 0:
            from outcomes_selftest import test_of_outcomes
            unseen = test_of_outcomes(rounds.history, rounds.command)
    if options.must_fail:
        print("as it must, this was seen" if found else "nothing was lost, and it must have been")
        return 0 if found else 1
    return 1 if found or unseen else 0


if __name__ == "__main__":
    sys.exit(main())
