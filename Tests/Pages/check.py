# SPDX-License-Identifier: Apache-2.0
# Reads every page of the repository as CommonMark and says what is wrong with it: emphasis that is none, links that lead nowhere,
# blocks of code that do not parse, translations that are not in step with their originals, files and names that the map shows and
# the code does not have, and words that the glossary has another word for.
#
#     python3 check.py ROOT       needs markdown-it-py, PyYAML, php and sh

import configparser
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
from urllib.parse import unquote

import yaml
from markdown_it import MarkdownIt

# An original, its translation, and whether their blocks of code may differ in comments and texts.
TRANSLATIONS = [
    ("README.md", "README.zh-CN.md", False),
    ("Documentation/recipes.md", "Documentation/recipes.zh-CN.md", True),
    ("Documentation/libraries.md", "Documentation/libraries.zh-CN.md", False),
    ("Documentation/tutorial.md", "Documentation/tutorial.zh-CN.md", True),
]
# Their code spans that look like a path or a Swift name are the tree's.
MAPS = ["Documentation/architecture.md"]
GLOSSARY = "Documentation/glossary.md"
# It also says what has changed in words that are not ours any more.
WITHOUT_GLOSSARY = {GLOSSARY, "CHANGELOG.md"}
INSTRUCTIONS = {"FROM", "COPY", "RUN", "USER", "CMD", "ENTRYPOINT", "ENV", "WORKDIR", "VOLUME", "EXPOSE", "ARG"}

problems = []
checked = {}


def run(command, text, name):
    """The complaint of a program that reads a file."""
    with tempfile.NamedTemporaryFile("w", suffix=name) as file:
        file.write(text)
        file.flush()
        result = subprocess.run([*command, file.name], capture_output=True, text=True)
        return None if result.returncode == 0 else (result.stderr or result.stdout).strip().replace(file.name, name)


def check_php(text):
    # A part of a script has no tag, and no PHP but the newest knows all of a page's other languages.
    return run(["php", "-d", "display_errors=stderr", "-l"], text if text.startswith("<?php") else "<?php\n" + text, "block.php")


def check_ini(text):
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#", ";"))
    try:
        # A .env file has no sections.
        parser.read_string("[env]\n" + text if text.startswith("# .env\n") else text)
    except configparser.Error as error:
        return str(error)
    return None


def check_yaml(text):
    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        return str(error)
    return None


def check_json(text):
    try:
        json.loads(text)
    except ValueError as error:
        return str(error)
    return None


def check_dockerfile(text):
    lines = re.sub(r"\\\n", " ", text).splitlines()
    for line in lines:
        if line and not line.startswith("#") and line.split()[0] not in INSTRUCTIONS:
            return f"no instruction: {line}"
    return None


READERS = {
    "php": check_php, "sh": lambda text: run(["sh", "-n"], text, "block.sh"), "ini": check_ini, "yaml": check_yaml,
    "json": check_json, "dockerfile": check_dockerfile,
}
# The compiler, or a test that runs them, reads these.
UNREAD = {"swift", "text", "c", "python", "diff", ""}


def headings(tokens):
    return [
        (token.tag, tokens[index + 1].content) for index, token in enumerate(tokens) if token.type == "heading_open"
    ]


def anchor(heading):
    """As GitHub makes it of a heading."""
    text = re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


class Page:
    def __init__(self, root, path):
        self.root, self.path = root, path
        with open(os.path.join(root, path), encoding="utf-8") as file:
            self.tokens = MarkdownIt("commonmark").enable("table").parse(file.read())
        self.headings = headings(self.tokens)
        self.blocks = [(token.info.split()[0] if token.info else "", token.content, token.map[0] + 1)
                       for token in self.tokens if token.type == "fence"]
        self.anchors = {anchor(text) for _, text in self.headings}

    def problem(self, line, text):
        problems.append(f"{self.path}:{line}: {text}")

    def check_inline(self, pages):
        for token in self.tokens:
            if token.type != "inline":
                continue
            line = token.map[0] + 1
            for child in token.children:
                if child.type == "text" and "**" in child.content:
                    self.problem(line, f"emphasis that CommonMark does not see: {child.content.strip()[:60]}")
                target = child.attrGet("href") if child.type == "link_open" else None
                target = child.attrGet("src") if child.type == "image" else target
                if target and not re.match(r"[a-z]+:", target):
                    self.check_link(line, target, pages)

    def check_link(self, line, target, pages):
        path, _, name = target.partition("#")
        place = os.path.normpath(os.path.join(os.path.dirname(self.path), path)) if path else self.path
        if not os.path.exists(os.path.join(self.root, place)):
            self.problem(line, f"a link to {target}: there is no such file")
        elif name and place in pages:
            if unquote(name) not in pages[place].anchors:
                self.problem(line, f"a link to {target}: there is no such heading")

    def check_blocks(self):
        for language, text, line in self.blocks:
            if language in READERS:
                complaint = READERS[language](text)
                checked[language] = checked.get(language, 0) + 1
                if complaint:
                    self.problem(line, f"{language}: {complaint}")
            elif language not in UNREAD:
                self.problem(line, f"a block in {language}, which nothing reads")


def check_translation(original, translation, may_differ):
    levels = [[tag for tag, _ in page.headings] for page in (original, translation)]
    if levels[0] != levels[1]:
        pairs = [[text for _, text in page.headings] for page in (original, translation)]
        translation.problem(1, f"its headings are not those of {original.path}: {pairs[0]} and {pairs[1]}")
    if [block[0] for block in original.blocks] != [block[0] for block in translation.blocks]:
        return translation.problem(1, f"its blocks of code are not those of {original.path}")
    for ours, theirs in zip(original.blocks, translation.blocks):
        equal = shape(ours[1]) == shape(theirs[1]) if may_differ else ours[1] == theirs[1]
        if not equal:
            translation.problem(theirs[2], f"this block is not that of {original.path}:{ours[2]}")


def code_spans(page):
    for token in page.tokens:
        for child in token.children or []:
            if child.type == "code_inline":
                yield token.map[0] + 1, child.content


def check_map(page):
    """A path is one from the root or from Sources; a name is one that Swift code declares, or a module's."""
    declared = None
    for line, text in code_spans(page):
        if "/" in text and re.fullmatch(r"[\w+./-]+", text) and not text.startswith("."):
            if not any(os.path.exists(os.path.join(page.root, folder, text)) for folder in ["", "Sources"]):
                page.problem(line, f"`{text}`: there is no such file")
        elif text.endswith(".swift"):
            if not glob.glob(os.path.join(page.root, "Sources", "**", text), recursive=True):
                page.problem(line, f"`{text}`: there is no such file")
        elif re.fullmatch(r"[A-Z]\w*[a-z]\w*(\.\w+)?", text):
            declared = declarations(page.root) if declared is None else declared
            for name in text.split("."):
                if name not in declared:
                    page.problem(line, f"`{text}`: no Swift code declares {name}")


def declarations(root):
    names = set(os.listdir(os.path.join(root, "Sources"))) | {"README", "CONTRIBUTING"}
    for folder, _, files in os.walk(os.path.join(root, "Sources")):
        for file in files:
            if file.endswith(".swift"):
                with open(os.path.join(folder, file), encoding="utf-8") as source:
                    names.update(re.findall(
                        r"\b(?:struct|class|enum|actor|protocol|typealias|func|let|var|case)\s+(\w+)", source.read()))
    return names


def avoided_words(glossary):
    """What the last column of the glossary's tables has in quotes, and the word that stands for it."""
    words = {}
    for index, token in enumerate(glossary.tokens):
        if token.type == "tr_open":
            cells = []
            for other in glossary.tokens[index:]:
                if other.type == "tr_close":
                    break
                if other.type == "inline":
                    cells.append(other.content)
            for phrase in re.findall(r"“([^”]*)”", cells[-1]):
                words[phrase] = cells[0].strip("*")
    return words


def check_words(page, words):
    for token in page.tokens:
        text = " ".join(child.content or " " for child in token.children or [] if child.type in ("text", "softbreak"))
        for phrase, word in words.items():
            if re.search(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE):
                page.problem(token.map[0] + 1, f"“{phrase}”: the glossary's word is {word}")


def shape(text):
    """The lines of a block, but for what a translator translates: comments, and the texts of strings, keys and tables."""
    shape = []
    for line in text.splitlines():
        line = re.sub(r"(^|\s)(//|#|;)\s.*$", "", line)
        line = re.sub(r"\"[^\"]*\"|'[^']*'", "''", line)
        line = re.sub(r"^(Description=).*$", r"\1", line)
        shape.append(line.rstrip())
    return shape


def main(root):
    names = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=root, capture_output=True, text=True, check=True)
    paths = [name for name in names.stdout.split("\0") if name and os.path.exists(os.path.join(root, name))]
    pages = {path: Page(root, path) for path in paths}
    for page in pages.values():
        page.check_inline(pages)
        page.check_blocks()
    for original, translation, may_differ in TRANSLATIONS:
        check_translation(pages[original], pages[translation], may_differ)
    for path in MAPS:
        check_map(pages[path])
    words = avoided_words(pages[GLOSSARY])
    for path, page in pages.items():
        if path not in WITHOUT_GLOSSARY:
            check_words(page, words)
    for problem in problems:
        print(problem, file=sys.stderr)
    counts = ", ".join(f"{count} of {language}" for language, count in sorted(checked.items()))
    print(f"{len(pages)} pages; blocks that were read: {counts}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
