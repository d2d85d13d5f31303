# SPDX-License-Identifier: Apache-2.0
# Fills the disk, and checks what still works, what is kept, and that puts come back with the space; then kills the server
# on a disk that is full, as kill.py does.
#
#   full.py TALKBACK [--shim LIBRARY] [--mount] [--rounds N]
#
# The disk is a folder for which shim.c plays a small one; with --mount it is also a tmpfs of that size, for which one has
# to be root. Exits with 77 when that was asked for and cannot be.

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time

import kill
from ledger import body_of
from service import Client, Failed, Server, build_shim, talkback

DISK = 64 << 20
BALLAST = 24 << 20
# How soon puts must come back when there is space.
PATIENCE = 10


class Disk:
    """One test, in a folder that is full soon."""

    def __init__(self, command, folder, environment):
        self.command, self.folder, self.environment = command, folder, environment
        self.random = random.Random(1)
        self.jobs = {}  # acknowledged: key and size by id
        self.deleted = []
        self.key = 0
        self.server = None
        self.doing = "nothing"

    def expect(self, truth, text):
        if not truth:
            raise Failed(f"{text}; the server says: {self.server.said() or 'nothing'}")

    def start(self):
        self.server = Server(self.command, self.folder, self.environment)

    def restart(self, how):
        self.doing = "restart"
        if how == "kill":
            self.server.kill()
        else:
            status = self.server.stop()
            self.expect(status == 0, f"SIGTERM ended the server with {status}")
        self.start()

    def put(self, clients, count):
        """Sends puts without waiting, and returns how many were refused."""
        sent = []
        for client in clients:
            data = bytearray()
            for _ in range(count):
                self.key += 1
                size = self.random.choice((0, 100, 3000, 60_000))
                sent.append((client, self.key, size))
                data += b"put 1 0 60 %d\r\n%b\r\n" % (size, body_of(self.key, size))
            client.send(data)
        refused = 0
        for client, key, size in sent:
            words, _ = client.reply()
            if words[0] == "INSERTED":
                self.expect(int(words[1]) not in self.jobs, f"the id {words[1]} was given again")
                self.jobs[int(words[1])] = key, size
            else:
                self.expect(words == ["OUT_OF_MEMORY"], f"put was answered {' '.join(words)}")
                refused += 1
        return refused

    def fill(self):
        self.doing = "fill"
        clients = [Client(self.server.address) for _ in range(4)]
        begin = self.key
        # The log may give some space back once it is in the file: full is when puts are refused some time later too.
        late = False
        while not late:
            while self.put(clients, 20) == 0:
                self.expect(self.key - begin < 4 * DISK // 15_000, "puts are taken for ever")
            time.sleep(1.5)
            late = self.put(clients, 2) > 0
        for client in clients:
            client.socket.close()

    def check(self):
        self.doing = "check"
        highest = max(self.jobs)
        with Client(self.server.address) as client:
            identities = range(1, highest + 200)
            for start in range(0, len(identities), 200):
                batch = identities[start : start + 200]
                for identity, (words, data) in zip(batch, client.ask_all([f"peek {identity}\r\n" for identity in batch])):
                    expected = body_of(*self.jobs[identity]) if identity in self.jobs else None
                    self.expect(data == expected, f"peek {identity} was answered {' '.join(words)}, expected "
                                f"{'no job' if expected is None else f'{len(expected)} bytes'}, or they are others")

    def delete(self, share):
        self.doing = "delete"
        chosen = self.random.sample(sorted(self.jobs), int(len(self.jobs) * share))
        with Client(self.server.address) as client:
            for identity, (words, _) in zip(chosen, client.ask_all([f"delete {identity}\r\n" for identity in chosen])):
                self.expect(words == ["DELETED"], f"delete {identity} was answered {' '.join(words)}")
                del self.jobs[identity]

    def change(self):
        """What a worker does with a job, which a full disk must not keep it from."""
        self.doing = "change"
        with Client(self.server.address) as client:
            identity = int(client.ask("reserve-with-timeout 5\r\n")[0][1])
            for command, expected in (
                (f"release {identity} 1 1000", "RELEASED"), (f"kick-job {identity}", "KICKED"),
                (f"reserve-job {identity}", "RESERVED"), (f"bury {identity} 1", "BURIED"), (f"kick-job {identity}", "KICKED"),
            ):
                words, _ = client.ask(command + "\r\n")
                self.expect(words[0] == expected, f"{command} was answered {' '.join(words)} on a full disk")

    def puts_come_back(self, why):
        self.doing = "puts_come_back"
        begin = time.monotonic()
        with Client(self.server.address) as client:
            while self.put([client], 1):
                self.expect(time.monotonic() - begin < PATIENCE, f"puts do not come back within {PATIENCE} s of {why}")
                time.sleep(0.1)
        return time.monotonic() - begin

    def run(self):
        ballast = os.path.join(self.folder, "ballast")
        with open(ballast, "wb") as file:
            file.write(b"." * BALLAST)
        self.start()
        self.fill()
        first = len(self.jobs)
        self.check()
        self.delete(0.02)
        self.change()
        self.check()
        self.restart("kill")
        self.check()
        self.delete(0.02)
        self.restart("stop")
        self.check()
        self.fill()
        self.delete(0.9)
        after_deletes = self.puts_come_back("deletes")
        self.check()
        self.fill()
        os.unlink(ballast)
        after_space = self.puts_come_back("space elsewhere")
        self.fill()
        second = len(self.jobs)
        self.restart("stop")
        self.check()
        self.restart("kill")
        self.check()
        self.delete(1)
        self.restart("kill")
        self.puts_come_back("deletes and a restart")
        self.check()
        self.server.kill()
        return (f"{first} jobs and then {second} filled it; puts came back {after_deletes:.1f} s after deletes "
                f"and {after_space:.1f} s after there was space")


class CrowdedDisk(Disk):
    """One from which another program takes all the space that the server has set free. Even deletes may have to wait then."""

    def crowd(self):
        used = sum(-(-entry.stat().st_size // 4096) * 4096 for entry in os.scandir(self.folder))
        with open(self.another, "wb") as file:
            file.write(b"." * (DISK - used))

    def send_deletes(self, client):
        chosen = self.random.sample(sorted(self.jobs), len(self.jobs) // 50)
        client.send("".join(f"delete {identity}\r\n" for identity in chosen))
        # Time for answers, if there are any, and for a server that gives up.
        time.sleep(2.5)
        self.expect(self.server.process.poll() is None, "the server has ended on a full disk")
        return chosen

    def run(self):
        self.another = os.path.join(self.folder, "another")
        self.start()
        self.fill()
        self.crowd()
        with Client(self.server.address) as client:
            chosen = self.send_deletes(client)
            os.unlink(self.another)
            begin = time.monotonic()
            for identity in chosen:
                words, _ = client.reply()
                self.expect(words == ["DELETED"], f"delete {identity} was answered {' '.join(words)}")
                del self.jobs[identity]
            waited = time.monotonic() - begin
        self.expect(waited < PATIENCE, "deletes are not answered when there is space")
        self.check()
        self.fill()
        self.crowd()
        with Client(self.server.address) as client:
            chosen = self.send_deletes(client)
            self.server.kill()
            for identity in chosen:
                try:
                    words, _ = client.reply()
                except OSError:
                    break
                self.expect(words == ["DELETED"], f"delete {identity} was answered {' '.join(words)}")
                del self.jobs[identity]
        # Without any space it starts, and has everything; what was not answered may have happened.
        self.start()
        with Client(self.server.address) as client:
            for identity in chosen:
                if identity in self.jobs and client.ask(f"peek {identity}\r\n")[0] == ["NOT_FOUND"]:
                    del self.jobs[identity]
        self.check()
        os.unlink(self.another)
        self.delete(0.9)
        back = self.puts_come_back("deletes")
        self.check()
        self.server.kill()
        return f"deletes were answered {waited:.1f} s after there was space, and puts came back {back:.1f} s after deletes"


class FullRounds(kill.Rounds):
    limit = 1_000_000
    longest_load = 1.5

    def environment(self):
        return {"LD_PRELOAD": self.shim, "SHIM_FOLDER": self.folder, "SHIM_BUDGET": str(DISK - BALLAST)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("talkback")
    parser.add_argument("--shim")
    parser.add_argument("--mount", action="store_true")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    command = talkback(os.path.abspath(options.talkback))
    with tempfile.TemporaryDirectory() as place:
        shim = os.path.abspath(options.shim) if options.shim else build_shim(place)
        for name, kind in (("played", Disk), ("crowded", CrowdedDisk)):
            folder = os.path.join(place, name)
            os.mkdir(folder)
            environment = {"LD_PRELOAD": shim, "SHIM_FOLDER": folder, "SHIM_BUDGET": str(DISK)}
            print(f"full disk, {name}: {run(kind(command, folder, environment))}")
        folder = os.path.join(place, "killed")
        os.mkdir(folder)
        rounds = FullRounds(command, folder, options.seed)
        rounds.shim = shim
        found = kill.run(rounds, options.rounds, "full disk, kill -9", None)
        print(f"{len(rounds.ledger.refused)} puts were refused")
        if found:
            return 1
        if not options.mount:
            return 0
        folder = os.path.join(place, "mounted")
        os.mkdir(folder)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "talkback-test", folder]
        if os.getuid() != 0 or subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            print("full disk, tmpfs: skipped, one cannot be mounted here")
            return 77
        disk = Disk(command, folder, {})
        try:
            print(f"full disk, tmpfs: {run(disk)}")
        finally:
            if disk.server:
                disk.server.kill()
            subprocess.run(["umount", folder], check=True)
    return 0


def run(disk):
    try:
        return disk.run()
    except Failed as problem:
        sys.exit(f"full disk: {problem}")
    except OSError as problem:
        status = disk.server and disk.server.wait(1)
        end = "runs" if status is None else f"has ended with {status}"
        sys.exit(f"full disk, in {disk.doing}: {problem}; the server {end}, and says: {disk.server.said()}")


if __name__ == "__main__":
    sys.exit(main())
