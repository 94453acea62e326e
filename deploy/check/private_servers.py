#!/usr/bin/env python3
"""The private servers of deploy/local/servers open to their own passwords only, and keep them to themselves.

Starts servers of its own in a folder that is thrown away, on free ports, and looks at them: other passwords are refused,
files with secrets are readable for their owner only, no password ever stands on an argument list. Then it gives them the
fixed passwords of earlier versions, starts them again, and expects fresh passwords and the same data. Takes a minute or two.
"""

import base64
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ROOT / "deploy/local/servers"
OLD_PASSWORDS = {"postgres": ("cryptolens", "cryptolens"), "redis": ("", ""), "rabbitmq": ("guest", "guest")}

problems: list[str] = []


def expect(holds: bool, problem: str) -> None:
    if not holds:
        problems.append(problem)


class ArgumentLists(threading.Thread):
    """Remembers every argument list that any process of this machine has meanwhile."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            for name in os.listdir("/proc"):
                if name.isdigit():
                    try:
                        with open(f"/proc/{name}/cmdline", "rb") as file:
                            self.seen.add(file.read())
                    except OSError:
                        pass
            time.sleep(0.002)

    def end(self) -> set[bytes]:
        self._ended.set()
        self.join()
        return self.seen


def free_ports() -> dict[str, str]:
    """RabbitMQ takes four neighbours. Below 32768, where no outgoing connection of this machine takes one meanwhile."""
    first = 24000 + os.getpid() % 300 * 10
    while True:
        wanted = [first, first + 4, *range(first + 5, first + 9)]
        if all(socket.socket().connect_ex(("127.0.0.1", port)) != 0 for port in wanted):
            return {
                "LOCAL_POSTGRES_PORT": str(first),
                "LOCAL_REDIS_PORT": str(first + 4),
                "LOCAL_RABBITMQ_PORT": str(first + 5),
            }
        first += 10


class Servers:
    """Private servers in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | free_ports() | {"LOCAL_DIR": str(folder)}
        self.postgres = int(self.environment["LOCAL_POSTGRES_PORT"])
        self.redis = int(self.environment["LOCAL_REDIS_PORT"])
        self.rabbitmq_api = int(self.environment["LOCAL_RABBITMQ_PORT"]) + 1

    def run(self, *arguments: str) -> str:
        done = subprocess.run([SERVERS, *arguments], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise SystemExit(f"deploy/local/servers {arguments[0]} failed")
        return done.stdout

    def users(self) -> dict[str, tuple[str, str]]:
        """User and password of each server, as others get to know them."""
        found = {}
        for scheme, server in [("postgres", "postgres"), ("redis", "redis"), ("amqp", "rabbitmq")]:
            match = re.search(rf"{scheme}://([^:@/]*):([^@]*)@", self.run("env"))
            found[server] = match.groups() if match else OLD_PASSWORDS[server]
        return found

    # --- what each server says to a user and a password

    def sql(self, user: tuple[str, str], *arguments: str) -> subprocess.CompletedProcess:
        candidates = [shutil.which("psql"), *map(str, Path("/usr/lib/postgresql").glob("*/bin/psql"))]
        psql = next(path for path in candidates if path)
        command = [psql, "-X", "-q", "-w", "-h", "127.0.0.1", "-p", str(self.postgres), "-U", user[0], "-d", "postgres", *arguments]
        return subprocess.run(command, env=self.environment | {"PGPASSWORD": user[1]}, capture_output=True, text=True)

    def redis_says(self, password: str, *command: str) -> str:
        with socket.create_connection(("127.0.0.1", self.redis), 10) as connection:
            lines = ([["AUTH", password]] if password else []) + [list(command)]
            said = ""
            for words in lines:
                parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
                connection.sendall(f"*{len(words)}\r\n{parts}".encode())
                said = connection.recv(4096).decode()
                if said.startswith("-"):
                    break
            return said.strip()

    def rabbitmq(self, user: tuple[str, str], method: str, path: str, body: dict | None = None) -> tuple[int, object]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.rabbitmq_api}/api/{path}", method=method)
        request.add_header("Authorization", "Basic " + base64.b64encode(":".join(user).encode()).decode())
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, None

    def accepts(self, server: str, user: tuple[str, str]) -> bool:
        if server == "postgres":
            return self.sql(user, "-c", "select 1").returncode == 0
        if server == "redis":
            return self.redis_says(user[1], "PING") == "+PONG"
        return self.rabbitmq(user, "GET", "whoami")[0] == 200


def check_doors(servers: Servers, when: str) -> None:
    for server, user in servers.users().items():
        expect(servers.accepts(server, user), f"{when}, {server} refuses its own password")
        expect(re.fullmatch(r"[0-9a-f]{32,}", user[1]) is not None, f"{when}, the password of {server} is not random")
        for other in [OLD_PASSWORDS[server], (user[0], ""), (user[0], "wrong"), (user[0], user[1][:-1])]:
            expect(not servers.accepts(server, other), f"{when}, {server} opens to {other[0] or 'nobody'} with the password {other[1]!r}")
    status, users = servers.rabbitmq(servers.users()["rabbitmq"], "GET", "users")
    names = [user["name"] for user in users] if status == 200 else None
    expect(names == ["cryptolens"], f"{when}, RabbitMQ has the users {names}")


def check_files(servers: Servers) -> None:
    """Nothing that holds a password is readable for others, wherever it is."""
    passwords = [user[1].encode() for user in servers.users().values() if user[1]]
    holders = 0
    for top in {servers.folder, (servers.folder / "data").resolve()}:
        for path in top.rglob("*"):
            if not path.is_file() or path.is_symlink():
                continue
            if any(password in path.read_bytes() for password in passwords):
                holders += 1
                mode = stat.S_IMODE(path.stat().st_mode)
                expect(mode & 0o077 == 0, f"{path} holds a password and has the mode {mode:o}")
    expect(holders > 0, "no file holds a password")


def write_data(servers: Servers, users: dict[str, tuple[str, str]]) -> None:
    done = servers.sql(users["postgres"], "-c", "create table kept (word text)", "-c", "insert into kept values ('kept')")
    expect(done.returncode == 0, f"PostgreSQL takes no data: {done.stderr}")
    expect(servers.redis_says(users["redis"][1], "SET", "kept", "kept") == "+OK", "Redis takes no data")
    for path, body in [("vhosts/kept", None), ("queues/kept/kept", {"durable": True})]:
        status, _ = servers.rabbitmq(users["rabbitmq"], "PUT", path, body)
        expect(status in (201, 204), f"RabbitMQ takes no data: {path} {status}")


def check_data(servers: Servers) -> None:
    users = servers.users()
    expect(servers.sql(users["postgres"], "-tAc", "select word from kept").stdout.strip() == "kept", "PostgreSQL lost its data")
    expect(servers.redis_says(users["redis"][1], "GET", "kept").endswith("kept"), "Redis lost its data")
    status, _ = servers.rabbitmq(users["rabbitmq"], "GET", "queues/kept/kept")
    expect(status == 200, f"RabbitMQ lost its data, or its user may not see it ({status})")


def make_old(servers: Servers) -> None:
    """The state that an earlier version left: fixed passwords, none for Redis, and no file of passwords."""
    users = servers.users()
    servers.sql(users["postgres"], "-c", "alter role cryptolens password 'cryptolens'")
    servers.redis_says(users["redis"][1], "CONFIG", "SET", "requirepass", "")
    new, guest = users["rabbitmq"], OLD_PASSWORDS["rabbitmq"]
    servers.rabbitmq(new, "PUT", "users/guest", {"password": "guest", "tags": "administrator"})
    for vhost in ["%2f", "kept"]:
        servers.rabbitmq(guest, "PUT", f"permissions/{vhost}/guest", {"configure": ".*", "write": ".*", "read": ".*"})
    servers.rabbitmq(guest, "DELETE", "users/cryptolens")
    (servers.folder / "servers.secrets").unlink(missing_ok=True)
    for server, old in OLD_PASSWORDS.items():
        expect(servers.accepts(server, old), f"{server} could not be given its old password")


def check(servers: Servers, lists: ArgumentLists) -> None:
    lists.start()
    servers.run("start")
    check_doors(servers, "at first")
    check_files(servers)
    users = servers.users()
    write_data(servers, users)
    secrets = {user[1] for user in users.values() if user[1]}
    # First while they run, then after a stop: both are how a person meets a new version.
    for when in ["upgraded while running", "upgraded after a stop"]:
        make_old(servers)
        if when == "upgraded after a stop":
            servers.run("stop")
        servers.run("start")
        check_doors(servers, when)
        check_data(servers)
        secrets |= {user[1] for user in servers.users().values() if user[1]}
    check_files(servers)
    for arguments in lists.end():
        for secret in secrets:
            if secret.encode() in arguments and len(secret) >= 32:
                shown = arguments.replace(b"\0", b" ").decode(errors="replace").replace(secret, "<password>")
                problems.append(f"a password was on an argument list: {shown[:200]}")


def main() -> int:
    base = Path(os.environ.get("LOCAL_DIR", ROOT / ".local"))
    base.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=base))
    folder.chmod(0o755)
    servers, lists = Servers(folder), ArgumentLists()
    try:
        check(servers, lists)
    finally:
        servers.run("reset")
        shutil.rmtree(folder)
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("the private servers open to their own passwords only")
    return 0


if __name__ == "__main__":
    sys.exit(main())
