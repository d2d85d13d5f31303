# SPDX-License-Identifier: Apache-2.0
# A server as a process that can be killed, and clients that speak beanstalkd's protocol with it.

import atexit
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_LIMIT = 60
RUNNING = set()


def end_all():
    for server in list(RUNNING):
        server.kill()


atexit.register(end_all)
# The default action of SIGTERM would leave the servers behind.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


class Failed(Exception):
    """The server did something that ends the test at once, such as not starting."""


def talkback(program, sync="always"):
    return [program, "serve", "--listen", "127.0.0.1:0", "--data", "{folder}", "--sync", sync, "--max-job-size", "65535"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A command in which {folder} and {port} stand for what their names say. Without {port} it has to print
    "listening on ADDRESS", as talkback does; with it, it listens when a connection to the port succeeds."""

    def __init__(self, command, folder, environment=None, wait=True):
        self.port = free_port() if any("{port}" in part for part in command) else None
        self.tells = self.port is None
        command = [part.replace("{folder}", folder).replace("{port}", str(self.port)) for part in command]
        self.errors = tempfile.TemporaryFile()
        self.status = None
        # A group of its own, since the end of strace alone would leave the traced server running.
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if self.tells else subprocess.DEVNULL,
            stderr=self.errors,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        RUNNING.add(self)
        if wait:
            try:
                self.wait_until_listening()
            except BaseException:
                self.kill()
                raise

    def wait_until_listening(self):
        limit = time.monotonic() + START_LIMIT
        text = b""
        while time.monotonic() < limit:
            if self.tells:
                if not select.select([self.process.stdout], [], [], 0.2)[0]:
                    continue
                piece = os.read(self.process.stdout.fileno(), 4096)
                text += piece
                if b"listening on " in text and text.endswith(b"\n"):
                    self.port = int(text.split(b"listening on ")[1].split()[0].rsplit(b":", 1)[1])
                    return
                if not piece:
                    raise Failed(f"the server ended with {self.wait(5)} before it listened: {self.said()}")
            else:
                try:
                    socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                    return
                except OSError:
                    if self.process.poll() is not None:
                        raise Failed(f"the server ended with {self.process.returncode}: {self.said()}") from None
                    time.sleep(0.01)
        raise Failed(f"the server did not listen within {START_LIMIT} s: {self.said()}")

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def said(self):
        """What it wrote to its standard error."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()

    def kill(self):
        if self.status is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.wait(30)
        return self.status

    def wait(self, seconds):
        """Its exit status, or None when it still runs after that time."""
        if self.status is None:
            try:
                self.status = self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            if self.process.stdout:
                self.process.stdout.close()
            RUNNING.discard(self)
        return self.status

    def stop(self):
        """Asks it to end, and returns its exit status."""
        self.process.terminate()
        if self.wait(30) is None:
            self.kill()
            raise Failed("the server did not end within 30 s of SIGTERM")
        return self.status


class Replies:
    """Takes bytes and gives whole replies: the words of the line, and the data after it or None."""

    def __init__(self):
        self.buffer = bytearray()
        self.start = 0

    def feed(self, piece):
        if self.start:
            del self.buffer[: self.start]
            self.start = 0
        self.buffer += piece

    def next(self):
        end = self.buffer.find(b"\r\n", self.start)
        if end < 0:
            return None
        words = bytes(self.buffer[self.start : end]).decode("latin-1").split(" ")
        end += 2
        data = None
        if words[0] in ("RESERVED", "FOUND", "OK", "STATE"):
            size = int(words[-1])
            if len(self.buffer) < end + size + 2:
                return None
            data = bytes(self.buffer[end : end + size])
            end += size + 2
        self.start = end
        return words, data


def transfer(connection, events):
    """Sends and receives what a connection that does not block can now. Whether it goes on."""
    # What was answered before the end is read, also when sending fails.
    if events & selectors.EVENT_WRITE and connection.outgoing:
        try:
            del connection.outgoing[: connection.socket.send(connection.outgoing[: 1 << 16])]
        except BlockingIOError:
            pass
        except OSError:
            connection.outgoing.clear()
    if events & selectors.EVENT_READ:
        try:
            piece = connection.socket.recv(1 << 18)
        except BlockingIOError:
            return True
        except OSError:
            piece = b""
        if not piece:
            return False
        connection.replies.feed(piece)
        while (reply := connection.replies.next()) is not None:
            connection.receive(*reply)
    return True


def fields(data):
    """The fields of a reply to stats, stats-job or stats-tube."""
    lines = data.decode().split("\n")[1:]
    return {name: value.strip('"') for name, value in (line.split(": ", 1) for line in lines if line)}


class Client:
    """A connection that waits for its replies."""

    def __init__(self, address, seconds=30):
        self.socket = socket.create_connection(address, timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = Replies()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def reply(self):
        while (reply := self.replies.next()) is None:
            piece = self.socket.recv(1 << 20)
            if not piece:
                raise ConnectionError("the server closed the connection")
            self.replies.feed(piece)
        return reply

    def ask(self, command):
        self.send(command)
        return self.reply()

    def ask_all(self, commands):
        """The replies to many short commands, a batch on the way at a time."""
        result = []
        for start in range(0, len(commands), 200):
            batch = commands[start : start + 200]
            self.send("".join(batch))
            result += [self.reply() for _ in batch]
        return result

    def put(self, body, priority=0, delay=0, ttr=60):
        return self.ask(b"put %d %d %d %d\r\n%b\r\n" % (priority, delay, ttr, len(body), body))


def build_shim(folder):
    """Compiles shim.c, and returns where the library is."""
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim.c")
    library = os.path.join(folder, "shim.so")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source, "-lpthread"], check=True)
    return library
