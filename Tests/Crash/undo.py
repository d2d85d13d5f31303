# SPDX-License-Identifier: Apache-2.0
# Takes back what was not synced, as a power loss may: shim.c has written down what there was before.
#
#   undo.py FILE FOLDER [--subset SEED]      all of it; or only some, as a disk that reorders and tears writes
#
# A record may be about a change that did not happen, since it is written first: to put back what is there is harmless.

import argparse
import collections
import os
import random
import struct
import sys
import tempfile

HEADER = struct.Struct("<IIQQQQQQQQ")
MAGIC = 0x53484D31
SECTOR = 512
Record = collections.namedtuple("Record", "kind sequence file offset length size path data")


def read(file):
    records = []
    try:
        with open(file, "rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        return records
    at = 0
    while at + HEADER.size <= len(content):
        magic, kind, sequence, device, inode, offset, length, size, path_length, data_length = HEADER.unpack_from(content, at)
        if magic != MAGIC:
            raise ValueError(f"{file} is damaged at byte {at}")
        at += HEADER.size
        if at + path_length + data_length > len(content):
            break  # torn by the kill, so the change had not begun
        path = content[at : at + path_length].decode()
        data = content[at + path_length : at + path_length + data_length]
        at += path_length + data_length
        records.append(Record(chr(kind), sequence, (device, inode), offset, length, size, path, data))
    return records


def sort_out(records):
    """The changes that nothing has made safe, and those that are safe but came after some that are lost.

    A file's sync keeps its bytes and its size, a folder's sync its names. A sync that failed may have lost what was written
    before: it is not written again by the next, which succeeds."""
    waiting, lost, names = collections.defaultdict(list), set(), []
    for record in records:
        if record.kind == "S":
            waiting[record.file] = [other for other in waiting[record.file] if other.sequence > record.sequence]
            names = [name for name in names if os.path.dirname(name.path) != record.path or name.sequence > record.sequence]
        elif record.kind == "F" and record.data in (b"fsync", b"fdatasync"):
            for others in waiting.values():
                written = [other for other in others if other.path == record.path and other.kind == "W"]
                lost.update(other.sequence for other in written)
                others[:] = [other for other in others if other not in written]
        elif record.kind in "CU":
            names.append(record)
        elif record.kind in "WTG":
            waiting[record.file].append(record)
    unsafe = lost | {other.sequence for others in [*waiting.values(), names] for other in others}
    first = {}
    for record in records:
        if record.sequence in lost and record.kind == "W":
            first.setdefault(record.file, record.sequence)
    later = {record.sequence for record in records if record.kind in "WTG" and record.sequence > first.get(record.file, 1 << 63)}
    changes = [record for record in records if record.kind in "CUWTG" and record.sequence in unsafe | later]
    return changes, lost, later - unsafe


class Change:
    """One that can be taken back, and made once more."""

    def __init__(self, record, trash):
        self.record, self.trash = record, os.path.join(trash, str(record.sequence))
        self.found, self.applied = None, False

    def is_name(self):
        return self.record.kind in "CU"

    def take_back(self):
        record, path = self.record, self.record.path
        if record.kind == "C":
            if os.path.exists(path):
                os.rename(path, self.trash)
                self.applied = True
        elif self.is_name():
            saved = record.data.decode()
            if not os.path.exists(path):
                if not saved:
                    raise ValueError(f"{path} was not saved: is the undo file on another disk?")
                os.link(saved, path)
                self.applied = True
        elif os.path.exists(path):
            with open(path, "r+b") as stream:
                self.applied = True
                # A truncation is made once more as far as it was seen; a write with the bytes that it left.
                if record.kind == "W":
                    stream.seek(record.offset)
                    self.found = stream.read(record.length)
                else:
                    self.found = os.fstat(stream.fileno()).st_size
                stream.seek(record.offset)
                stream.write(record.data)
                stream.truncate(record.size)

    def make_again(self, sectors):
        """`sectors` says of each part of a write whether it is kept."""
        record, path = self.record, self.record.path
        if not self.applied:
            return
        if record.kind == "C":
            os.rename(self.trash, path)
        elif record.kind == "U":
            os.unlink(path)
        elif os.path.exists(path):
            with open(path, "r+b") as stream:
                if record.kind != "W":
                    stream.truncate(self.found)
                    return
                start = 0
                while start < len(self.found):
                    end = min((record.offset + start) // SECTOR * SECTOR + SECTOR - record.offset, len(self.found))
                    if sectors():
                        stream.seek(record.offset + start)
                        stream.write(self.found[start:end])
                    start = end


def undo(file, folder, seed=None):
    """Returns how many changes were not safe, and how many of them are gone."""
    records = read(file)
    place = os.path.abspath(folder)
    chance = None if seed is None else random.Random(seed)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(file))) as trash:
        noted, lost, safe = sort_out(records)
        changes = [Change(record, trash) for record in noted if record.path.startswith(place + "/") or record.path == place]
        for change in reversed(changes):
            change.take_back()
        kept = keep(changes, lost, safe, chance)
    for record in records:
        if record.kind == "U" and os.path.exists(record.data):
            os.unlink(record.data)
    return len(changes) - len(safe), len(changes) - len(safe) - kept


def keep(changes, lost, safe, chance):
    """Makes the safe changes again, and with `chance` some others; returns how many others."""
    kept = 0
    mode = "none" if chance is None else "ordered" if chance.random() < 0.3 else "any"
    # A disk that keeps the order tears the last write. Names are changed in order on any.
    end = chance.randint(0, len(changes)) if mode == "ordered" else 0
    names = [change for change in changes if change.is_name()]
    names = set(map(id, names[: chance.randint(0, len(names))])) if chance else ()
    likely = chance.choice((0.1, 0.5, 0.9)) if chance else 0
    for index, change in enumerate(changes):
        sequence, torn = change.record.sequence, False
        if sequence in safe:
            change.make_again(lambda: True)
            continue
        if sequence in lost or mode == "none":
            continue
        if change.is_name():
            whole = id(change) in names
        elif mode == "ordered":
            whole, torn = index < end - 1, index == end - 1
        else:
            whole, torn = chance.random() < likely, chance.random() < 0.2
        if whole or torn and change.record.kind == "W":
            kept += 1
            change.make_again(lambda: whole or chance.random() < 0.5)
    return kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("folder")
    parser.add_argument("--subset", metavar="SEED")
    options = parser.parse_args()
    found, lost = undo(options.file, options.folder, options.subset)
    print(f"{found} changes were not safe, {lost} of them are taken back")
    sys.exit(0)
