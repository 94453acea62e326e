#!/usr/bin/env python3
"""The tour of README.md works as it is written, also a second time on the same database.

Runs its commands in one shell, one after another, against the stack that STACK_URL and STACK_SIMULATOR_URL name; only the
addresses and the receiver's port are others. The receiver runs beside them, as in a second terminal. Afterwards all that
was promised must have been printed, and a key that does not exist must be told in words.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECEIVER = "deploy/local/webhook-receiver"

problems: list[str] = []


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def commands() -> list[str]:
    """The commands of the tour, one after another; one that goes on over several lines stays together."""
    text = (ROOT / "README.md").read_text()
    tour = text[text.index("## Five minutes with curl") : text.index("## Read on")]
    blocks = re.findall(r"```bash\n(.*?)```", tour, re.DOTALL)
    found, command = [], ""
    for line in "".join(blocks).replace("\\\n", " ").splitlines():
        command += line + "\n"
        if subprocess.run(["bash", "-n"], input=command, stderr=subprocess.DEVNULL, text=True).returncode == 0:
            found.append(command.rstrip("\n"))
            command = ""
    return found


class Tour:
    """One walk through the tour."""

    def __init__(self, url: str, simulator: str) -> None:
        self.port = free_port()
        self.replacements = {
            "http://127.0.0.1:8000": url,
            "http://127.0.0.1:8010": simulator,
            "127.0.0.1:9999": f"127.0.0.1:{self.port}",
            "--port 9999": f"--port {self.port}",
        }
        self.receiver: subprocess.Popen | None = None
        self.received = tempfile.TemporaryFile("w+")
        self.shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def say(self, command: str) -> str:
        """What a command prints."""
        self.shell.stdin.write(f"{command}\necho; echo ---end---\n")
        self.shell.stdin.flush()
        printed = []
        while (line := self.shell.stdout.readline()) not in ("---end---\n", ""):
            printed.append(line)
        return "".join(printed)

    def start_receiver(self, command: str) -> None:
        self.stop_receiver()
        self.receiver = subprocess.Popen(command.split("#")[0].split(), cwd=ROOT, stdout=self.received)
        deadline = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0 and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop_receiver(self) -> None:
        if self.receiver:
            self.receiver.terminate()
            self.receiver.wait()
            self.receiver = None

    def receives(self, text: str) -> bool:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            self.received.seek(0)
            if text in self.received.read():
                return True
            time.sleep(0.1)
        return False

    def walk(self, name: str) -> None:
        secret = ""
        for command in commands():
            for written, meant in self.replacements.items():
                command = command.replace(written, meant)
            if command.startswith(RECEIVER):
                self.start_receiver(command.replace("whsec_...", secret))
                continue
            printed = self.say(command)
            if found := re.search(r"whsec_[A-Za-z0-9+/=]+", printed):
                secret = found.group()
            if re.search(r'"error": *"| error: |no \w+ in: |curl: \(', printed):
                problems.append(f"{name}: {command}\n  says {printed.strip()[:600]}")
            if "target_price" in command and not self.receives("POST /hook"):
                problems.append(f"{name}: the alert's webhook does not arrive")
        if not self.receives("signature   valid"):
            problems.append(f"{name}: no webhook with a valid signature arrives")
        printed = self.say("printf '%s' '{\"error\":\"taken\"}' | field api_key")
        if 'no api_key in: {"error":"taken"}' not in printed:
            problems.append(f"{name}: a failed command does not say so: {printed}")

    def end(self) -> None:
        self.stop_receiver()
        self.shell.stdin.close()
        self.shell.wait()


def main() -> int:
    for name in ["the first time", "the second time"]:
        tour = Tour(os.environ["STACK_URL"], os.environ["STACK_SIMULATOR_URL"])
        try:
            tour.walk(name)
        finally:
            tour.end()
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("the tour of README.md works twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
