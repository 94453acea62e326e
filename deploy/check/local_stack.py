#!/usr/bin/env python3
"""The local stack keeps itself running, and several stand beside one another.

Starts three stacks at once in folders that are thrown away, with programs that only answer in place of the services. Their
ports must differ, whatever is killed must be running again soon, and a start right after a crash of everything must succeed.
Takes about two minutes.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "deploy/local/stack"
SERVERS = ["postgres", "redis", "rabbitmq"]
SERVICES = ["market-sim", "fetch", "core-analytics", "alerts", "gateway"]
CHOICES = ["LOCAL_POSTGRES_PORT", "LOCAL_REDIS_PORT", "LOCAL_RABBITMQ_PORT", "PORT", "PROFILE", "GATEWAYS"]
# RabbitMQ's distribution port, when it listens on the usual port.
DISTRIBUTION_PORT = 55674

# Answers every request. A file beside it makes it end instead: the exit code, and how often.
SERVICE = """#!/usr/bin/env python3
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
plan = sys.argv[0] + ".ends"
if os.path.exists(plan):
    code, times = map(int, open(plan).read().split())
    if times:
        open(plan, "w").write(f"{code} {times - 1}")
        sys.exit(code)
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""

problems: list[str] = []


def expect(holds: bool, problem: str) -> None:
    if not holds:
        problems.append(problem)


def wait_until(seconds: float, holds) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


def read_assignments(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


class Stack:
    """A local stack in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "target/debug"
        self.programs.mkdir(parents=True)
        for name in SERVICES:
            (self.programs / name).write_text(SERVICE)
        (self.programs / "migrate").write_text("#!/bin/sh\n")
        for program in self.programs.iterdir():
            program.chmod(0o755)
        self.environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
        self.environment |= {"LOCAL_DIR": str(folder), "CARGO_TARGET_DIR": str(folder / "target")}

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [STACK, *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def must(self, *arguments: str) -> str:
        done = self.run(*arguments)
        expect(done.returncode == 0, f"stack {' '.join(arguments)} failed: {done.stdout[-2000:]}")
        return done.stdout

    def pid(self, name: str, kind: str = "process") -> int:
        """Of the process itself, or of what supervises it (`pid`); 0 if there is none."""
        try:
            return int((self.folder / f"run/{name}.{kind}").read_text().split()[0])
        except (OSError, IndexError):
            return 0

    def ports(self) -> dict[str, int]:
        servers = read_assignments(self.folder / "servers.ports")
        base = int(read_assignments(self.folder / "mode")["PORT"])
        rabbitmq = int(servers["LOCAL_RABBITMQ_PORT"])
        return {
            "postgres": int(servers["LOCAL_POSTGRES_PORT"]),
            "redis": int(servers["LOCAL_REDIS_PORT"]),
            **{f"rabbitmq {offset}": rabbitmq + offset for offset in range(4)},
            **{name: base + offset for name, offset in zip(["gateway", "fetch", "core-analytics", "alerts", "market-sim"], [0, 1, 2, 3, 10])},
        }


def check_ports(stacks: list[Stack]) -> None:
    seen: dict[int, str] = {DISTRIBUTION_PORT: "a foreign program"}
    for number, stack in enumerate(stacks):
        for name, port in stack.ports().items():
            expect(port not in seen, f"{name} of stack {number} has port {port}, as {seen.get(port)}")
            seen[port] = f"{name} of stack {number}"
            expect(listens(port), f"{name} of stack {number} does not listen on {port}")


def check_restarts(stack: Stack) -> None:
    """Whatever is killed runs again, as another process on the same port."""
    ports = stack.ports() | {"rabbitmq": stack.ports()["rabbitmq 0"]}
    for name in [*SERVICES, *SERVERS]:
        before = stack.pid(name)
        # RabbitMQ's process is a script that waits for the virtual machine.
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(before)], capture_output=True, text=True).stdout.split()
        victim = int(children[0]) if name == "rabbitmq" and children else before
        os.kill(victim, signal.SIGKILL)
        again = wait_until(90, lambda: stack.pid(name) not in (0, before) and listens(ports[name]))
        expect(again, f"{name} was killed and did not come back")
    shown = stack.must("status")
    expect("started again 1 times" in shown, f"status does not say that services were started again: {shown}")


def check_crash(stack: Stack) -> None:
    """Everything is killed at once, the supervisors too, and started again at once."""
    for name in [*SERVICES, *SERVERS]:
        for kind in ["pid", "process"]:
            if pid := stack.pid(name, kind):
                os.kill(pid, signal.SIGKILL)
    stack.must("start", "demo")
    check_ports([stack])


def leave_orphan(stack: Stack) -> int:
    """Kills RabbitMQ's supervisor and script. The virtual machine that they started goes on."""
    script = stack.pid("rabbitmq")
    orphan = int(subprocess.run(["ps", "-o", "pid=", "--ppid", str(script)], capture_output=True, text=True).stdout.split()[0])
    for pid in [stack.pid("rabbitmq", "pid"), script]:
        os.kill(pid, signal.SIGKILL)
    expect(listens(stack.ports()["rabbitmq 0"]), "RabbitMQ's virtual machine does not outlive its script: the check checks nothing")
    return orphan


def has_ended(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def check_orphans(stack: Stack) -> None:
    """What a killed supervisor left behind is ended by the next start, which keeps the ports, and by a stop."""
    ports = stack.ports()
    orphan = leave_orphan(stack)
    stack.must("start", "demo")
    expect(has_ended(orphan), "a start leaves RabbitMQ's orphan running")
    expect(stack.ports() == ports, f"the ports changed from {ports} to {stack.ports()}")
    orphan = leave_orphan(stack)
    stack.must("stop", "all")
    expect(has_ended(orphan), "a stop leaves RabbitMQ's orphan running")
    stack.must("start", "demo")


def check_starts(stack: Stack) -> None:
    stack.must("stop")
    plan = stack.programs / "alerts.ends"
    plan.write_text("1 2")
    stack.must("start", "demo")
    stack.must("stop")
    # Settings that are refused stay refused, so the start says so at once.
    plan.write_text("78 1000")
    began = time.monotonic()
    done = stack.run("start", "demo")
    expect(done.returncode != 0 and "alerts does not start" in done.stdout, f"a service that refuses its settings: {done.stdout[-2000:]}")
    expect(time.monotonic() - began < 45, "a service that refuses its settings is waited for")
    plan.unlink()


def check_block(stack: Stack) -> None:
    """A block of the gateway is seen, and can be lifted."""
    servers = [ROOT / "deploy/local/servers", "redis-cli", "-n", "0"]
    subprocess.run([*servers, "set", "{rl:blocked:203.0.113.7}", "1", "EX", "900"], env=stack.environment, stdout=subprocess.DEVNULL)
    shown = stack.must("status")
    expect("203.0.113.7" in shown and "make unblock" in shown, f"status does not show a block: {shown}")
    stack.must("unblock")
    expect("203.0.113.7" not in stack.must("status"), "the block is not lifted")


def check_leftovers(stack: Stack) -> None:
    processes = [stack.pid(name, kind) for name in [*SERVICES, *SERVERS] for kind in ["pid", "process"]]
    stack.must("stop", "all")
    for pid in filter(None, processes):
        expect(wait_until(5, lambda: has_ended(pid)), f"process {pid} outlives the stop")


def check(stacks: list[Stack]) -> None:
    foreign = socket.socket()
    foreign.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if not listens(DISTRIBUTION_PORT):
        foreign.bind(("127.0.0.1", DISTRIBUTION_PORT))
        foreign.listen()
    with foreign, ThreadPoolExecutor() as pool:
        list(pool.map(lambda stack: stack.must("start", "demo"), stacks))
        if problems:
            return
        check_ports(stacks)
        check_block(stacks[0])
        check_restarts(stacks[0])
        check_crash(stacks[0])
        check_orphans(stacks[0])
        check_starts(stacks[0])
        check_leftovers(stacks[1])
        # What a stopped stack had is free, so the next one may take it; the stopped one then moves.
        with socket.socket() as taker:
            taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taker.bind(("127.0.0.1", stacks[1].ports()["redis"]))
            taker.listen()
            stacks[1].must("start", "demo")
        check_ports(stacks[1:])


def main() -> int:
    base = Path(os.environ.get("LOCAL_DIR", ROOT / ".local"))
    base.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=base))
    folder.chmod(0o755)
    stacks = [Stack(folder / str(number)) for number in range(3)]
    try:
        check(stacks)
    finally:
        for stack in stacks:
            stack.run("stop", "all")
            subprocess.run([ROOT / "deploy/local/servers", "reset"], env=stack.environment, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder)
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("three stacks stand beside one another, and what is killed runs again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
