# SPDX-License-Identifier: Apache-2.0
# Cuts the power of a server that syncs now and then, and checks what may be lost: with `--sync N` only what is younger than N
# milliseconds; and with `never` too nothing without what the same connection did after it.
#
#   interval.py TALKBACK [--rounds N] [--seed S] [--shim LIBRARY]

import argparse
import os
import random
import sys
import tempfile
import threading
import time

import undo
from service import Client, Failed, Server, build_shim, talkback

CONNECTIONS = 12
# Jobs that each connection finds in the tables, to delete some at a time: so many that one transaction does not take them all.
OLD_JOBS = 4000
BURST = 30
INTERVALS = ("20", "100", "300", "never")
# How long each waits between its commands in the first round of each interval, and then in every second one: what is in the
# log when it is full is older there.
PAUSE = 0.01
# In seconds, for a busy machine to begin with a sync when it is time.
DELAY = 0.15


class Connection:
    """What one of them did: the command, the job's number, and when it was answered."""

    def __init__(self, server, old, seed, pause):
        self.server, self.old, self.pause, self.chance = server, old, pause, random.Random(seed)
        self.done, self.problem, self.unanswered = [], None, set()

    def run(self):
        try:
            with Client(self.server.address, seconds=60) as client:
                while True:
                    chosen = self.chance.randrange(6)
                    time.sleep(self.pause)
                    if chosen == 0 and self.old:
                        self.delete(client, *(self.old.pop() for _ in range(min(BURST, len(self.old)))))
                    else:
                        # Some larger than what is written to the log.
                        size = 65000 if not self.pause and self.chance.randrange(500) == 0 else self.chance.randrange(200)
                        identity = int(self.ask(client, f"put 1 0 60 {size}\r\n{'x' * size}\r\n", "INSERTED")[1])
                        self.done.append(("put", identity, time.monotonic()))
                        if chosen > 2:
                            self.delete(client, identity)
        except OSError:
            pass  # The server is gone.
        except Failed as problem:
            self.problem = str(problem)

    def delete(self, client, *identities):
        self.unanswered.update(identities)
        client.send("".join(f"delete {identity}\r\n" for identity in identities))
        for identity in identities:
            words, _ = client.reply()
            if words[0] != "DELETED":
                raise Failed(f"delete was answered {' '.join(words)}")
            self.unanswered.discard(identity)
            self.done.append(("delete", identity, time.monotonic()))

    def ask(self, client, command, expected):
        words, _ = client.ask(command)
        if words[0] != expected:
            raise Failed(f"{command[:20]!r} was answered {' '.join(words)}")
        return words

    def judge(self, is_there, oldest):
        """What is lost that must not be, in words."""
        put, deleted = ({identity for command, identity, _ in self.done if command == wanted} for wanted in ("put", "delete"))
        passing = put & (deleted | self.unanswered)
        problems, lost = [], None
        for command, identity, moment in self.done:
            found = is_there(identity)
            if identity in passing and not found:
                continue  # Both are lost, or neither is.
            if found == (command == "put"):
                if lost:
                    problems.append(f"{command} {identity} is kept, and {lost} before it is lost")
            else:
                lost = lost or f"{command} {identity}"
                if oldest and moment < oldest:
                    problems.append(f"{command} {identity} is lost {oldest - moment:.3f} s too late")
        return problems


def play(program, shim, sync, is_slow, seed):
    """Returns how many commands were answered, how many changes of files were lost, and problems in words."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        folder, notes = os.path.join(place, "data"), os.path.join(place, "undo")
        os.mkdir(folder)
        server = Server(talkback(program, "always"), folder)
        with Client(server.address, seconds=60) as client:
            count = CONNECTIONS * OLD_JOBS
            for start in range(0, count, 1000):
                client.send("put 1 0 60 3\r\nold\r\n" * 1000)
                for _ in range(1000):
                    client.reply()
            # These are in the log, and were promised to be kept, whatever the next process promises.
            kept = [int(client.ask("put 1 0 60 3\r\nold\r\n")[0][1]) for _ in range(100)]
        server.kill()
        environment = {"LD_PRELOAD": shim, "SHIM_FOLDER": folder, "SHIM_UNDO": notes}
        server = Server(talkback(program, sync), folder, environment)
        connections = [
            Connection(server, list(range(1 + index, count + 1, CONNECTIONS)), chance.random(), PAUSE if is_slow else 0)
            for index in range(CONNECTIONS)]
        threads = [threading.Thread(target=connection.run) for connection in connections]
        for thread in threads:
            thread.start()
        time.sleep(chance.uniform(0.5, 3))
        end = time.monotonic()
        server.kill()
        for thread in threads:
            thread.join()
        _, lost = undo.undo(notes, folder, str(seed) if chance.randrange(3) else None)
        problems = [connection.problem for connection in connections if connection.problem]
        server = Server(talkback(program, "always"), folder)
        with Client(server.address, seconds=60) as client:
            oldest = None if sync == "never" else end - int(sync) / 1000 - DELAY

            def is_there(identity):
                return client.ask(f"peek {identity}\r\n")[0][0] == "FOUND"

            problems += [f"put {identity} of the first process is lost" for identity in kept if not is_there(identity)]
            for connection in connections:
                problems += connection.judge(is_there, oldest)
        server.kill()
        return sum(len(connection.done) for connection in connections), lost, problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--shim")
    options = parser.parse_args()
    answered = lost = wrong = 0
    with tempfile.TemporaryDirectory() as place:
        shim = os.path.abspath(options.shim) if options.shim else build_shim(place)
        for number in range(options.rounds):
            sync = INTERVALS[number % len(INTERVALS)]
            try:
                commands, changes, problems = play(
                    os.path.abspath(options.talkback), shim, sync, number // len(INTERVALS) % 2 == 0, options.seed + number)
            except (Failed, OSError) as problem:
                sys.exit(f"round {number}, --sync {sync}: {problem}")
            answered, lost, wrong = answered + commands, lost + changes, wrong + len(problems)
            for problem in problems[:3]:
                print(f"round {number}, --sync {sync}: {problem}", file=sys.stderr)
    print(f"power loss between syncs: {options.rounds} rounds with seed {options.seed}, {answered} commands, {lost} changes of "
          f"files lost, {wrong} violations")
    if not lost:
        print("nothing was lost, and something must have been", file=sys.stderr)
    return 1 if wrong or not lost else 0


if __name__ == "__main__":
    sys.exit(main())
