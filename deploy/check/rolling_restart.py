#!/usr/bin/env python3
"""Two gateways behind nginx: a rolling restart loses no request, a killed one is replaced, limits and batches hold over both.

Starts the stack of the tests with GATEWAYS=2 and a few small limits, and stops it at the end. Takes about a minute.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "deploy/local/stack"
LOCAL_DIR = Path(os.environ.get("LOCAL_DIR", ROOT / ".local"))
GATEWAYS = ["gateway-1", "gateway-2"]
# Small ones for what the load does not ask for. They hardly refill while this runs.
ME_LIMIT, REGISTER_LIMIT = 30, 3
ENVIRONMENT = os.environ | {
    "GATEWAYS": str(len(GATEWAYS)),
    "RATE_LIMIT_ME": f"{ME_LIMIT}/86400",
    "RATE_LIMIT_REGISTER": f"{REGISTER_LIMIT}/86400",
    "BATCH_WINDOW_MS": "5000",
    # That a busy machine is slow is no loss.
    "BATCH_ADMISSION_TIMEOUT_MS": "10000",
    "RATES_TTL_SECONDS": "3600",
    "REDIS_RESPONSE_TIMEOUT_MS": "10000",
    "DATABASE_CONNECT_TIMEOUT_MS": "10000",
    "DATABASE_WAIT_TIMEOUT_MS": "10000",
    "INTERNAL_TIMEOUT_MS": "15000",
}
PRICES = 300
CLIENTS = 16
# Between two requests of a client: on each connection some follow at once and some after nginx has closed its own.
PAUSES = [0.005, 0.02, 0.6, 0.005, 0.1, 1.1]
# The longest a request may take on a busy machine.
PATIENCE = 20

problems: list[str] = []


def expect(holds: bool, problem: str) -> None:
    if not holds:
        problems.append(problem)


def run(*arguments: str) -> str:
    done = subprocess.run(
        [STACK, *arguments], env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        sys.exit(f"stack {' '.join(arguments)} failed:\n{done.stdout[-3000:]}")
    return done.stdout


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict | list:
        return json.loads(self.body)


class Client:
    """One kept connection to the balancer, or to another port of this machine."""

    def __init__(self, port: int, key: str = "", source: str = "127.0.0.1") -> None:
        self.headers = {"X-API-Key": key} if key else {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE, source_address=(source, 0))

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent["Content-Type"] = "application/json"
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, body=text, headers=sent)
        response = self.connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


@dataclass
class Balanced:
    """The stack with two gateways, as `stack env` describes it."""

    port: int
    key: str
    simulator: str

    @classmethod
    def start(cls) -> "Balanced":
        run("start", "test")
        env = dict(line.split("=", 1) for line in run("env").splitlines())
        stack = cls(int(env["STACK_URL"].rsplit(":", 1)[1]), env["STACK_API_KEY"], env["STACK_SIMULATOR_URL"])
        deadline = time.monotonic() + 3 * PATIENCE
        while stack.client(key=stack.key).ask("GET", "/api/v1/rates/").status != 200 and time.monotonic() < deadline:
            time.sleep(0.2)
        return stack

    def client(self, **options: str) -> Client:
        return Client(self.port, **options)

    def gateway_port(self, gateway: str) -> int:
        return self.port + 4 + GATEWAYS.index(gateway)

    def provider_requests(self) -> int:
        """How many requests for batched prices the simulated provider has had."""
        with urllib.request.urlopen(f"{self.simulator}/_sim/requests", timeout=PATIENCE) as answer:
            return json.load(answer)["coingecko"].get("simple/price", 0)

    def requests_of(self, gateway: str, route: str) -> int:
        """How many requests for the route this gateway has answered since it started."""
        text = Client(self.port + 14 + GATEWAYS.index(gateway)).ask("GET", "/metrics").body.decode()
        lines = [line for line in text.splitlines() if line.startswith("http_requests_total{") and f'route="{route}"' in line]
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines)


def pid_of(gateway: str) -> int:
    return int((LOCAL_DIR / f"run/test-{gateway}.process").read_text().split()[0])


@dataclass
class Load:
    """Clients that ask all the time, each over a connection that it keeps, and what became of their requests."""

    stack: Balanced
    reads_only: bool = False
    answered: int = 0
    slowest: float = 0
    created: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    stop: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> "Load":
        self.threads = [Thread(target=self.work, args=[number]) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def read(self, client: Client, _: int) -> Answer:
        return client.ask("GET", "/api/v1/rates/")

    def verify(self, client: Client, _: int) -> Answer:
        return client.ask("POST", "/api/v1/webhooks/verify", {"secret": "whsec_AAAA", "headers": {}, "body": "{}"})

    def create(self, client: Client, unique: int) -> Answer:
        alert = {"ticker": "BTC", "condition": "gt", "target_price": unique, "webhook_url": "http://127.0.0.1:9999/load"}
        answer = client.ask("POST", "/api/v1/alerts/", alert, Idempotency_Key=str(uuid.uuid4()))
        if answer.status == 201:
            with self.lock:
                self.created.add(answer.json()["id"])
        return answer

    def work(self, number: int) -> None:
        client = self.stack.client(key=self.stack.key)
        asks: list[Callable[[Client, int], Answer]] = [self.read] if self.reads_only else [self.read, self.create, self.verify, self.create]
        turn = number
        while not self.stop.is_set():
            # Far above every price, and never twice.
            unique = 1_000_000_000 + number * 1_000_000 + turn
            problem = ""
            began = time.monotonic()
            try:
                answer = asks[turn % len(asks)](client, unique)
                if answer.status >= 400:
                    problem = f"{answer.status} {answer.body[:300]!r}"
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
                client = self.stack.client(key=self.stack.key)
            with self.lock:
                self.answered += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
                if problem:
                    self.lost.append(f"{asks[turn % len(asks)].__name__}: {problem}")
            self.stop.wait(PAUSES[turn % len(PAUSES)])
            turn += 1

    def expect_nothing_lost(self, during: str) -> None:
        expect(self.answered >= CLIENTS, f"{during}: hardly anything was asked, {self.answered} requests")
        expect(not self.lost, f"{during}: {len(self.lost)} of {self.answered} requests were lost, such as {self.lost[:3]}")


def check_limits(stack: Balanced) -> None:
    """As many as are allowed, however many ask at the same time, and over both gateways together."""

    def ask(_: int) -> Answer:
        return stack.client(key=stack.key).ask("GET", "/api/v1/users/me")

    with ThreadPoolExecutor(25) as pool:
        # Each worker of a gateway opens its connection to Redis with the first request that it gets.
        list(pool.map(lambda _: stack.client(key=stack.key).ask("GET", "/api/v1/rates/"), range(50)))
        answers = list(pool.map(ask, range(100)))
    statuses = [answer.status for answer in answers]
    expect(statuses.count(200) == ME_LIMIT, f"a limit of {ME_LIMIT} let {statuses.count(200)} of 100 parallel requests pass")
    expect(statuses.count(429) == 100 - ME_LIMIT, f"the others are not all refused by the limit: {set(statuses)}")
    for gateway in GATEWAYS:
        expect(stack.requests_of(gateway, "/api/v1/users/me") > 0, f"{gateway} had no part in it: the check checks nothing")


def check_batches(stack: Balanced) -> None:
    """Requests for one coin's price share those to the provider over both gateways, and a batch has one price."""

    def ask(_: int) -> Answer:
        return stack.client(key=stack.key).ask("GET", "/api/v1/price/bitcoin")

    before = stack.provider_requests()
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(PRICES)))
    asked = stack.provider_requests() - before
    refused = {answer.body for answer in answers if answer.status != 200}
    expect(not refused, f"requests for one price were refused: {list(refused)[:2]}")
    batches: dict[str, set[tuple]] = {}
    for answer in answers:
        if answer.status == 200:
            body = answer.json()
            batches.setdefault(answer.headers["x-batch-id"], set()).add((body["price"], body["fetchedAt"]))
    torn = {batch: seen for batch, seen in batches.items() if len(seen) != 1}
    expect(not torn, f"batches whose requests saw different prices: {torn}")
    # A last batch may not fill.
    expect(0 < asked <= PRICES / 3 + 1, f"{PRICES} requests for one price cost the provider {asked}")
    print(f"    {PRICES} requests for one price in {len(batches)} batches cost the provider {asked}")


def check_forwarded(stack: Balanced) -> None:
    """The limit by address goes by that of the connection, whatever the client claims."""
    for source in ["127.0.0.1", "127.0.0.2"]:
        client = stack.client(source=source)
        statuses = []
        for number in range(REGISTER_LIMIT + 5):
            claim = f"198.51.100.{number}, 127.0.0.1"
            person = {"email": f"rolling-{uuid.uuid4()}@example.com"}
            headers = {"X_Forwarded_For": claim, "Forwarded": f"for=198.51.100.{number}", "X_Real_IP": claim}
            statuses.append(client.ask("POST", "/api/v1/users/register", person, **headers).status)
        wanted = [201] * REGISTER_LIMIT + [429] * 5
        expect(statuses == wanted, f"registrations from {source} with other forged addresses each: {statuses}")


def check_restarts(stack: Balanced) -> None:
    with Load(stack) as load:
        for _ in range(2):
            before = [pid_of(gateway) for gateway in GATEWAYS]
            run("restart", "gateway", "test")
            expect(not set(before) & {pid_of(gateway) for gateway in GATEWAYS}, "a gateway was not restarted")
    load.expect_nothing_lost("rolling restart")
    print(f"    {load.answered} requests over two rolling restarts, {len(load.lost)} lost, slowest {load.slowest:.1f} s")
    kept, cursor = set(), ""
    client = stack.client(key=stack.key)
    while True:
        page = client.ask("GET", f"/api/v1/alerts/?limit=100{cursor}")
        kept |= {alert["id"] for alert in page.json()}
        if "x-next-cursor" not in page.headers:
            break
        cursor = f"&cursor={page.headers['x-next-cursor']}"
    expect(kept == load.created, f"{len(load.created)} alerts were created as far as clients know, {len(kept)} are there")


def check_kill(stack: Balanced) -> None:
    """Of a gateway that is gone at once, at most what cannot be repeated and was on its way is lost."""
    killed = GATEWAYS[0]
    with Load(stack, reads_only=True) as load:
        before = pid_of(killed)
        os.kill(before, signal.SIGKILL)
        time.sleep(1)
        client = stack.client(key=stack.key)
        for number in range(50):
            answer = client.ask("POST", "/api/v1/webhooks/verify", {"secret": "whsec_AAAA", "headers": {}, "body": str(number)})
            expect(answer.status == 200, f"a second after the end of {killed} a POST is {answer.status} {answer.body[:200]!r}")
        deadline = time.monotonic() + PATIENCE
        while stack_is_without(stack, killed) and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(pid_of(killed) != before, f"{killed} was not started again")
        # It takes part again.
        while not stack.requests_of(killed, "/api/v1/rates/") and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(stack.requests_of(killed, "/api/v1/rates/") > 0, f"{killed} is up again and not asked")
    load.expect_nothing_lost(f"kill of {killed}")
    print(f"    {load.answered} GETs while a gateway was killed, {len(load.lost)} lost, slowest {load.slowest:.1f} s")


def stack_is_without(stack: Balanced, gateway: str) -> bool:
    try:
        return Client(stack.gateway_port(gateway)).ask("GET", "/health/ready").status != 200
    except OSError:
        return True


def check_errors(stack: Balanced) -> None:
    """What the balancer refuses itself looks like an error of the API."""
    answer = stack.client(key=stack.key).ask("POST", "/api/v1/alerts/", {"ticker": "x" * 100_000}, X_Request_Id="rolling-1")
    expect(answer.status == 413 and answer.json()["type"] == "body_too_large", f"100 kB: {answer.status} {answer.body[:200]!r}")
    expect("content-security-policy" in answer.headers, "a body of 100 kB does not reach the gateway")
    large = stack.client()
    large.connection.putrequest("POST", "/api/v1/alerts/")
    large.connection.putheader("Content-Length", "20000000")
    large.connection.endheaders()
    response = large.connection.getresponse()
    expect_error(Answer(response.status, dict(response.getheaders()), response.read()), 413, "body_too_large")
    for gateway in GATEWAYS:
        os.kill(pid_of(gateway), signal.SIGKILL)
    # Their supervisors start them again after a second at the earliest.
    expect_error(stack.client().ask("GET", "/api/v1/rates/", X_Request_Id="rolling-2"), 503, "dependency_unavailable", "rolling-2")


def expect_error(answer: Answer, status: int, kind: str, request_id: str = "") -> None:
    try:
        body = answer.json()
    except ValueError:
        problems.append(f"the balancer's own {status} is {answer.status} {answer.body[:200]!r}")
        return
    names = "error detail code type remediation request_id timestamp errors retry_after docs_url".split()
    expect(list(body) == names, f"the balancer's own {status} has the fields {list(body)}")
    expect((answer.status, body["code"], body["type"]) == (status, status, kind), f"not {status} {kind}: {body}")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    expect(headers.get("x-request-id") == body["request_id"], f"another request id in the header: {headers}")
    expect(request_id in ("", body["request_id"]), f"the request id is not the client's: {body}")
    expect(headers.get("content-type") == "application/json", f"the balancer's own {status} is {headers.get('content-type')}")
    expect(body["timestamp"].endswith("Z"), f"the time is not in UTC: {body}")


def check_looks() -> None:
    """What a person sees of two gateways."""
    shown = ENVIRONMENT | {"FOLLOW": "0", "LINES_SHOWN": "1000000"}
    said = subprocess.run([STACK, "logs", "test-balancer"], env=shown, capture_output=True, text=True)
    expect("--- started" in said.stdout, f"there is no log of the balancer: {said.stdout[-500:]}{said.stderr[-500:]}")
    owner = subprocess.run(["ps", "-o", "uid=", "-p", str(pid_of("balancer"))], capture_output=True, text=True).stdout.strip()
    expect(owner not in ("0", ""), "nginx runs as root")


def main() -> int:
    try:
        stack = Balanced.start()
        check_limits(stack)
        check_batches(stack)
        check_forwarded(stack)
        check_restarts(stack)
        check_kill(stack)
        check_looks()
        check_errors(stack)
    finally:
        run("stop", "test")
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("two gateways restart and end without a lost request, and limits and batches hold over both")
    return 0


if __name__ == "__main__":
    sys.exit(main())
