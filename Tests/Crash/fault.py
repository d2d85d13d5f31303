# SPDX-License-Identifier: Apache-2.0
# Has the disk answer with errors, and checks that the server ends and says why, that nobody was told of what is not kept,
# and that everything that was acknowledged is there afterwards: also when all that was not synced is lost.
#
#   fault.py TALKBACK [--shim LIBRARY] [--seed S] [--repeat N]

import argparse
import os
import random
import re
import sys
import tempfile

import undo
from ledger import Check, Ledger, tubes_of
from load import Load
from service import Failed, Server, build_shim, talkback

# How long the load goes on at most; the server ends before.
SECONDS = 60
# While it serves: in the log, in SQLite's log, and in the file into which that is brought. {A-B} is a count: the first
# calls belong to the start. What is lost with a sync that failed stays lost for undo.py, though the next one succeeds.
SERVING = (
    "fdatasync:jobs.log$:{5-200}:EIO", "pwrite:jobs.log$:{5-200}:EIO", "fdatasync:.sqlite$:1:EIO", "fdatasync:jobs.log$:{5-200}:EIO!",
    "pwrite:jobs.log$:{5-200}:EIO!", "pwrite:jobs.log$:{5-200}:EROFS", "fdatasync:-wal$:{5-20}:EIO", "pwrite:-wal$:{30-200}:EIO",
    "fdatasync:-wal$:{5-20}:EIO!", "pwrite:-wal$:{30-200}:EIO!", "pwrite:-wal$:{30-200}:EROFS", "fdatasync:.sqlite$:1:EIO!",
    "fdatasync:.sqlite$:2:EIO!", "pwrite:.sqlite$:{5-20}:EIO", "pwrite:.sqlite$:{5-20}:EIO!",
)
# While it serves, and it goes on: a file system that copies what is written over may be full where the others are not.
ENDURED = ("pwrite:jobs.log$:{5-40}:ENOSPC!", "pwrite:jobs.log$:{5-40}:EDQUOT!")
# While it starts, over jobs that are there.
STARTING = (
    "open:.sqlite$:1:EACCES", "open:jobs.log$:1:EIO", "open:jobs.log$:2:EACCES", "fsync:jobs.log$:1:EIO", "open:.sqlite-wal$:1:EIO",
    "fdatasync:/:1:EIO", "pwrite:/:1:EIO", "open:lock$:1:EACCES",
)


class Case:
    def __init__(self, command, shim, seed):
        self.command, self.shim, self.seed = command, shim, seed

    def environment(self, fault):
        self.notes = os.path.join(self.place, "undo")
        return {"LD_PRELOAD": self.shim, "SHIM_FOLDER": self.folder, "SHIM_UNDO": self.notes, "SHIM_FAIL": fault}

    def run(self, fault, kind):
        with tempfile.TemporaryDirectory() as self.place:
            self.folder = os.path.join(self.place, "data")
            os.mkdir(self.folder)
            self.ledger = Ledger()
            # What was there before stays there too.
            server = Server(self.command, self.folder)
            Load(self.ledger, server.address, f"{self.seed} before").run(0.1, kill=server.kill)
            if kind != "starting":
                # A start brings into the tables what the last process has left in the log, with any number of writes.
                Server(self.command, self.folder).kill()
            try:
                server = Server(self.command, self.folder, self.environment(fault))
            except Failed as problem:
                if kind != "starting":
                    raise
                said = str(problem)
                self.expect("ended with 1 before" in said and len(said.splitlines()) == 1, f"the start failed so: {said}")
                end = said
            else:
                end = self.load(server, kind)
            if not any(record.kind == "F" for record in undo.read(self.notes)):
                self.expect(kind == "starting", "never came to it: " + end)
                end += ", and never came to it"
            undo.undo(self.notes, self.folder)
            server = Server(self.command, self.folder)
            Check(self.ledger, server.address).run(everything=True, drain=tubes_of(self.ledger))
            self.expect(not self.ledger.violations, "; ".join(self.ledger.violations[:3]))
            server.kill()
            return end

    def load(self, server, kind):
        Check(self.ledger, server.address).run()
        was_killed = []

        def kill():
            was_killed.append(True)
            server.kill()

        # At the start the fault may not be come to, and the load ends the server.
        seconds = {"serving": SECONDS, "endured": 3, "starting": 0.2}[kind]
        Load(self.ledger, server.address, f"{self.seed} after").run(seconds, kill=kill)
        status = server.wait(10)
        self.expect(status is not None, "the connections are closed and the server runs")
        if was_killed:
            self.expect(kind != "serving", f"the server goes on for {SECONDS} s")
            return "served"
        said = server.said()
        self.expect(kind != "endured", f"the server ended: {said}")
        self.expect(status > 0, f"the server ended with {status}: {said}")
        self.expect(len(said.splitlines()) == 1, f"the server does not say why in one line: {said!r}")
        return f"ended with {status}: {said}"

    def expect(self, truth, text):
        if not truth:
            raise Failed(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback")
    parser.add_argument("--shim")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="only some")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    problems = 0
    with tempfile.TemporaryDirectory() as place:
        shim = os.path.abspath(options.shim) if options.shim else build_shim(place)
        for kind, faults in (("serving", SERVING), ("endured", ENDURED), ("starting", STARTING)):
            if options.quick:
                faults = faults[:3] if kind == "serving" else faults[:1]
            for fault in faults:
                for _ in range(options.repeat if "{" in fault and not options.quick else 1):
                    # A file's first syncs and writes are of the start, which is another case.
                    chosen = re.sub(r"{(\d+)-(\d+)}", lambda bounds: str(chance.randrange(int(bounds[1]), int(bounds[2]))), fault)
                    try:
                        end = Case(talkback(os.path.abspath(options.talkback)), shim, chance.random()).run(chosen, kind)
                        print(f"{chosen}: {end}")
                    except (Failed, OSError) as problem:
                        problems += 1
                        print(f"{chosen}: {problem}", file=sys.stderr)
    print(f"faults with seed {options.seed}: {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
