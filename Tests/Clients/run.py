# SPDX-License-Identifier: Apache-2.0
"""Gives each client a server of its own, in memory and on disk.

    run.py TALKBACK PYTHON PHP
"""
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent


def check(talkback, command, storage, listen="127.0.0.1:0"):
    with tempfile.TemporaryDirectory() as folder:
        place = ["--memory"] if storage == "memory" else ["--data", folder + "/jobs"]
        server = subprocess.Popen(
            [talkback, "serve", *place, "--listen", listen.format(folder), "--max-job-size", "65535"],
            stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().removeprefix("listening on ").strip()
            outcome = subprocess.run(
                [*command, address], capture_output=True, text=True, timeout=60)
            problem = outcome.stderr if outcome.returncode else ""
            if command[-1].endswith(".php") and outcome.stdout != "done\n":
                problem = outcome.stdout + outcome.stderr
        finally:
            server.terminate()
            status = server.wait(timeout=30)
        if status:
            problem += f"the server ended with {status}\n"
        name = f"{pathlib.Path(command[-1]).name}, {storage}, {address.split(':')[0]}"
        print(f"{name}: {'fails' if problem else 'works'}")
        if problem:
            print(problem)
        return not problem


def main(talkback, python, php):
    clients = [[python, str(HERE / "greenstalk_client.py")], [python, str(HERE / "pystalk_client.py")],
               [php, str(HERE / "sockets.php")]]
    outcomes = [check(talkback, client, storage) for client in clients for storage in ("memory", "disk")]
    outcomes.append(check(talkback, clients[0], "disk", "unix:{}/socket"))
    sys.exit(not all(outcomes))


main(*sys.argv[1:])
