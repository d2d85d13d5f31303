# SPDX-License-Identifier: Apache-2.0
"""Compares the rows of the tests of limits with the symbol graphs: see Scripts/limits.

A row is a line of Tests/<Module>Tests/Limits/*.swift with .call("<path>", "<parameter>": the symbol's path with dots
between its components, and the parameter's internal name. Overloads share a row.
"""

import glob
import json
import re
import sys

MODULES = ["Sockets", "PHPSockets", "AsyncSockets"]
KINDS = {"func", "method", "type.method", "init", "subscript", "type.subscript", "enum.case", "func.op"}
NUMBER = r"(?:U?Int(?:8|16|32|64)?|Duration)"
# A number, several of them, or a range of them; bytes in a collection are data, not a number.
WANTED = re.compile(rf"^(?:{NUMBER}|(?:Closed)?Range<{NUMBER}>|\[(?:Int|Int32|UInt32|Duration)\]|{NUMBER}\.\.\.)\??$")


def parameters(symbol):
    """The names and types of a symbol's parameters, from its declaration: enum cases have no signature."""
    name, kind, before = None, "", ""
    for fragment in symbol["declarationFragments"]:
        text = fragment["spelling"]
        if fragment["kind"] in ("externalParam", "internalParam"):
            if fragment["kind"] == "externalParam" and name is not None:
                yield name, kind
            elif fragment["kind"] == "internalParam" and name is not None and kind.strip():
                yield name, kind
            name, kind = text, ""
        elif name is not None:
            kind += text
        before = text
    if name is not None:
        yield name, kind


def type_of(text):
    """A parameter's type from what follows its name: up to its default, the next parameter or the end."""
    text = re.sub(r"^\s*:\s*", "", text)
    text = re.sub(r"^(inout|borrowing|consuming|sending)\s+", "", text)
    text = re.split(r"\)\s*(?:async|throws|->|where|$)|\)\s*$|\s=\s", text)[0]
    return text.strip().rstrip(",)").strip()


def unnamed(symbol):
    """The types of an enum case's values that have no names."""
    text = "".join(fragment["spelling"] for fragment in symbol["declarationFragments"])
    inside = re.search(r"\((.*)\)", text)
    for number, part in enumerate((inside.group(1) if inside else "").split(", ")):
        if ":" not in part:
            yield f"{number}", part


def wanted(folder, module):
    rows = set()
    for path in glob.glob(f"{folder}/{module}.symbols.json") + glob.glob(f"{folder}/{module}@*.symbols.json"):
        for symbol in json.load(open(path))["symbols"]:
            kind = symbol["kind"]["identifier"].removeprefix("swift.")
            if kind not in KINDS:
                continue
            found = list(parameters(symbol))
            if kind == "enum.case":
                found += list(unnamed(symbol))
            for name, text in found:
                if WANTED.match(type_of(text)):
                    rows.add((".".join(symbol["pathComponents"]), name))
    return rows


def covered(module):
    rows = set()
    for path in glob.glob(f"Tests/{module}Tests/Limits/*.swift"):
        rows |= set(re.findall(r'\.call\(\s*"([^"]+)",\s*"([^"]+)"', open(path).read()))
    return rows


def main():
    folder, *arguments = sys.argv[1:]
    if arguments[:1] == ["--list"]:
        for path, name in sorted(wanted(folder, arguments[1])):
            print(f'.call("{path}", "{name}")')
        return 0
    failed = False
    for module in MODULES:
        want, have = wanted(folder, module), covered(module)
        for path, name in sorted(want - have):
            print(f'{module}: no row in Tests/{module}Tests/Limits for .call("{path}", "{name}")', file=sys.stderr)
        for path, name in sorted(have - want):
            print(f'{module}: nothing public is .call("{path}", "{name}")', file=sys.stderr)
        failed |= want != have
        print(f"{module}: {len(want)} parameters, {len(want & have)} of them tested at their limits")
    return 1 if failed else 0


sys.exit(main())
