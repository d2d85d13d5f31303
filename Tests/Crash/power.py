# SPDX-License-Identifier: Apache-2.0
# As kill.py, but after each kill what was not synced is lost: all of it, and in every second round some of it.
#
#   power.py TALKBACK [--rounds N] [--seed S] [--sync MODE] [--shim LIBRARY] [--must-fail]
#
# With --must-fail it succeeds when something is lost: with `--sync never`, to show that a loss is seen.

import os
import sys
import tempfile

import undo
from kill import Rounds, arguments, command_of, run
from service import build_shim


class PowerLoss:
    """What makes rounds of kills rounds of power losses."""

    loses_all = False

    def __init__(self, command, folder, seed, shim, notes):
        super().__init__(command, folder, seed)
        self.shim, self.notes, self.file = shim, notes, None
        self.starts, self.unsynced, self.lost = 0, 0, 0

    def environment(self):
        self.starts += 1
        self.file = os.path.join(self.notes, f"undo-{self.starts}")
        return {"LD_PRELOAD": self.shim, "SHIM_FOLDER": os.path.dirname(self.folder), "SHIM_UNDO": self.file}

    def after_kill(self, number):
        seed = f"{self.seed} {self.starts}" if self.starts % 2 == 0 and not self.loses_all else None
        unsynced, lost = undo.undo(self.file, os.path.dirname(self.folder), seed)
        self.unsynced, self.lost = self.unsynced + unsynced, self.lost + lost
        if os.path.exists(self.file):
            os.unlink(self.file)


class PowerRounds(PowerLoss, Rounds):
    pass


def main():
    parser = arguments(rounds=100)
    parser.add_argument("--shim", help="the compiled shim.c")
    parser.add_argument("--must-fail", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        shim = os.path.abspath(options.shim) if options.shim else build_shim(place)

        def rounds_in(name, is_made):
            folder, notes = os.path.join(place, name, "data"), os.path.join(place, name + "-notes")
            os.makedirs(folder if is_made else os.path.dirname(folder))
            os.mkdir(notes)
            return PowerRounds(command_of(options), folder, options.seed, shim, notes)

        rounds = rounds_in("rounds", is_made=True)
        if options.must_fail:
            rounds.shown, rounds.ends_when_wrong = 3, True
        found = run(rounds, options.rounds, f"power loss, --sync {options.sync}", options.keep)
        print(f"{rounds.unsynced} changes of files were not synced at the end, {rounds.lost} of them were lost")
        if rounds.unsynced == 0:
            print("the shim saw nothing that was not synced: it does not work here", file=sys.stderr)
            return 1
        if options.must_fail:
            print("as it must, this was seen" if found else "nothing was lost, and it must have been")
            return 0 if found else 1
        if not options.command:
            # The folder itself can be lost too, with all that is in it.
            first = rounds_in("first", is_made=False)
            first.shown, first.loses_all = 3, True
            found += run(first, 1, "power loss in a folder that the server has made", None)
        return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
