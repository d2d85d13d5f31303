# SPDX-License-Identifier: Apache-2.0
# Kills a server at random moments, again and again over the same folder, and checks what it has kept.
#
#   kill.py TALKBACK [--rounds N] [--seed S] [--sync MODE] [--command 'COMMAND with {folder} and {port}']

import argparse
import os
import random
import shlex
import shutil
import sys
import tempfile
import time

from ledger import Check, Ledger, delete_everything, tubes_of
from load import Load
from service import Failed, Server, talkback


class Rounds:
    """Rounds of start, check, load and kill. What happens to the files in between is up to who derives from it."""

    shown = 20
    ends_when_wrong = False
    limit = 1200  # of jobs; from there on more are deleted
    longest_load = 0.4

    def __init__(self, command, folder, seed):
        self.command, self.folder, self.seed = command, folder, seed
        self.ledger = Ledger()
        self.random = random.Random(seed)
        self.lines = 0
        self.longest_start = 0

    def start(self, wait=True):
        begin = time.monotonic()
        server = Server(self.command, self.folder, self.environment(), wait)
        if wait:
            self.longest_start = max(self.longest_start, time.monotonic() - begin)
        return server

    def environment(self):
        return {}

    def after_kill(self, number):
        pass

    def tell(self, number):
        for violation in self.ledger.violations[self.lines :]:
            self.lines += 1
            if self.lines <= self.shown:
                print(f"round {number}: {violation}", file=sys.stderr)

    def run(self, rounds):
        for number in range(rounds):
            # A recovery can be killed too.
            for _ in range(self.random.choice((0, 0, 0, 0, 1, 2))):
                server = self.start(wait=False)
                time.sleep(self.random.uniform(0, 0.1))
                server.kill()
                self.after_kill(number)
            server = self.start()
            # A queue that was empty must not give ids again; nor after two starts.
            emptied = number % 20 == 19
            drain = [self.random.choice(tubes_of(self.ledger))] if self.ledger.jobs else []
            Check(self.ledger, server.address).run(drain=drain)
            if emptied:
                delete_everything(self.ledger, server.address)
            else:
                seconds = self.random.uniform(0.02, self.longest_load)
                load = Load(self.ledger, server.address, f"{self.seed} {number}", limit=self.limit)
                load.run(seconds, kill=server.kill)
            server.kill()
            self.after_kill(number)
            self.tell(number)
            if self.ends_when_wrong and self.ledger.violations:
                return
        server = self.start()
        Check(self.ledger, server.address).run(everything=True, drain=tubes_of(self.ledger))
        self.finish(server, rounds)

    def finish(self, server, rounds):
        """It is asked to end, which must lose nothing either."""
        status = server.stop()
        self.after_kill(rounds)
        server = self.start()
        Check(self.ledger, server.address).run(drain=tubes_of(self.ledger))
        if status != 0 and server.tells:
            self.ledger.wrong(f"SIGTERM ended the server with {status}: {server.said()}")
        server.kill()
        self.tell(rounds)

    def summary(self, name, rounds):
        ledger = self.ledger
        return (f"{name}: {rounds} rounds with seed {self.seed}, acknowledged {ledger.puts} puts, {ledger.deletes} deletes, "
                f"{ledger.changes} changes; longest start {self.longest_start:.2f} s; {len(ledger.violations)} violations")


def arguments(rounds):
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback", nargs="?")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--sync", default="always")
    parser.add_argument("--command", help="another server; {folder} and {port} stand for what they say")
    parser.add_argument("--keep", help="a folder to which the server's files go when something was wrong")
    return parser


def command_of(options):
    if options.command:
        return shlex.split(options.command)
    if not options.talkback:
        sys.exit("name the talkback to test, or a --command")
    return talkback(os.path.abspath(options.talkback), options.sync)


def run(rounds, count, name, keep):
    """Runs them, and says what was found."""
    try:
        rounds.run(count)
    except (Failed, OSError) as problem:
        rounds.ledger.wrong(str(problem))
    rounds.tell(count)
    print(rounds.summary(name, count))
    if rounds.ledger.violations and keep:
        shutil.copytree(rounds.folder, keep, dirs_exist_ok=True)
    return len(rounds.ledger.violations)


def main():
    options = arguments(rounds=300).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rounds = Rounds(command_of(options), folder, options.seed)
        return 1 if run(rounds, options.rounds, "kill -9", options.keep) else 0


if __name__ == "__main__":
    sys.exit(main())
