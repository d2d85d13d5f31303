# SPDX-License-Identifier: Apache-2.0
# Does what README.md says under "A page and its task", with the daemon and PHP: three visitors at once, the daemon killed and
# stopped under them, and a task that fails. Nothing of the blocks is changed but the ports.
#
#     python3 readme.py TALKBACK ROOT

import html
import http.cookiejar
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

LIMIT = 90


class Failure(Exception):
    pass


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"{what}: not within {LIMIT} s")
        time.sleep(0.05)


class Site:
    """The folder of the README's reader, the daemon and the web server."""

    def __init__(self, talkback, root, folder):
        with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
            page = file.read()
        task, page_script = re.findall(r"```php\n(.*?)```", page, re.DOTALL)[:2]
        serve = re.search(r"^\./Scripts/serve (--run .*)$", page, re.MULTILINE)[1]
        web = re.search(r"`((?:\w+=\w+ )*php -S 127\.0\.0\.1:8000)`", page)[1]
        self.folder = folder
        self.port, self.web_port = free_port(), free_port()
        shutil.copytree(os.path.join(root, "Clients", "php"), os.path.join(folder, "Clients", "php"))
        self.task = task
        self.write("task.php", task)
        self.write("page.php", page_script.replace("127.0.0.1:11300", f"127.0.0.1:{self.port}"))
        self.daemon_command = [talkback, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", os.path.join(folder, "jobs"),
                               *shlex.split(serve)]
        words = shlex.split(web.replace(":8000", f":{self.web_port}"))
        variables = dict(word.split("=") for word in words if re.fullmatch(r"\w+=\w+", word))
        self.log = open(os.path.join(folder, "log"), "w+b")
        # A group of its own: the workers of php -S are processes, too.
        self.web = subprocess.Popen(
            words[len(variables):], cwd=folder, env={**os.environ, **variables}, stdout=self.log, stderr=self.log,
            start_new_session=True)
        self.daemon = None
        self.start()
        wait_until("php -S listens", lambda: self.listens(self.web_port))

    def write(self, name, text):
        # At once, for whoever is about to read it.
        path = os.path.join(self.folder, name)
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(f"{path}.new", path)

    def listens(self, port):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False

    def start(self):
        self.daemon = subprocess.Popen(self.daemon_command, cwd=self.folder, stdout=self.log, stderr=self.log)
        wait_until("the daemon listens", lambda: self.listens(self.port))

    def end(self, how):
        self.daemon.send_signal(how)
        self.daemon.wait(LIMIT)

    def close(self):
        self.daemon.kill()
        self.daemon.wait()
        os.killpg(self.web.pid, signal.SIGKILL)
        self.web.wait()


class Visitor(threading.Thread):
    """A browser that reloads the page for as long as it is told to."""

    def __init__(self, site):
        super().__init__(daemon=True)
        self.url = f"http://127.0.0.1:{site.web_port}/page.php"
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.texts = []
        self.end = None
        self.trouble = None
        self.start()

    def run(self):
        until = time.monotonic() + LIMIT
        try:
            while time.monotonic() < until:
                with self.opener.open(self.url, timeout=20) as reply:
                    text = html.unescape(re.sub(r"<[^>]*>", " ", reply.read().decode()))
                    if reply.headers["Refresh"] is None:
                        self.end = text.strip()
                        return
                    self.texts.append(text.strip())
                    time.sleep(float(reply.headers["Refresh"].split(";")[0]))
            self.trouble = f"no end within {LIMIT} s"
        except urllib.error.HTTPError as error:
            self.trouble = f"{error}: {error.read()[:2000]!r}"
        except OSError as error:
            self.trouble = str(error)

    def has_seen(self, text):
        if self.trouble:
            raise Failure(self.trouble)
        return any(text in seen for seen in self.texts)

    def expect_end(self, expected):
        self.join(LIMIT)
        if self.trouble or self.end != expected:
            raise Failure(f"expected {expected!r}, got {self.end!r}, {self.trouble}, after {self.texts}")


def three_visitors_and_a_daemon_that_is_killed(site):
    visitors = [Visitor(site) for _ in range(3)]
    for number, visitor in enumerate(visitors):
        wait_until(f"visitor {number} sees the bar move", lambda: visitor.has_seen("holiday.jpg: size "))
    site.end(signal.SIGKILL)
    for number, visitor in enumerate(visitors):
        wait_until(f"visitor {number} is told", lambda: visitor.has_seen("Connection refused"))
    site.start()
    for visitor in visitors:
        visitor.expect_end("holiday.jpg is resized")


def daemon_that_is_stopped(site):
    visitor = Visitor(site)
    wait_until("the bar moves", lambda: visitor.has_seen("holiday.jpg: size "))
    site.end(signal.SIGINT)
    site.start()
    visitor.expect_end("holiday.jpg is resized")


def task_that_fails_at_first(site):
    site.write("task.php", "<?php\nresize(stream_get_contents(STDIN));\n")
    visitor = Visitor(site)
    reason = "Call to undefined function resize()"
    wait_until("the reason of the first attempt", lambda: visitor.has_seen(reason))
    # As it is mended while the job waits for its next attempt.
    site.write("task.php", site.task.replace("sleep(1)", "usleep(1000)"))
    visitor.expect_end("holiday.jpg is resized")


def main(talkback, root):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(os.path.abspath(talkback), root, folder)
        try:
            for scene in [three_visitors_and_a_daemon_that_is_killed, daemon_that_is_stopped, task_that_fails_at_first]:
                start = time.monotonic()
                scene(site)
                print(f"README.md, {scene.__name__.replace('_', ' ')}: works ({time.monotonic() - start:.0f} s)")
        except Failure as failure:
            site.log.seek(0)
            print(site.log.read().decode(errors="replace")[-5000:], file=sys.stderr)
            print(f"README.md: {failure}", file=sys.stderr)
            return 1
        finally:
            site.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
