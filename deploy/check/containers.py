#!/usr/bin/env python3
"""What can be said about deploy/Dockerfile and docker-compose.yml without a Docker engine. Needs PyYAML.

What needs one is proven by deploy/local/images.
"""

import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DEMO = ROOT / "deploy/compose.demo.yml"
# What is not built here.
SERVERS = {"postgres", "redis", "rabbitmq", "balancer"}
PUBLISHED = {"gateway", "balancer"}
BALANCED = "balanced"
# Besides the inside network, but for the balancer, which needs the gateways only.
NETWORKS = {"fetch": {"outside"}, "alerts": {"outside"}, "gateway": {"front"}, "gateway-2": {"front"}}
# What each service may know, of the secrets that .env holds or a person may write into it.
DATABASE, CACHE, BROKER = "POSTGRES_PASSWORD", "REDIS_PASSWORD", "RABBITMQ_PASSWORD"
SECRETS = {
    "postgres": {DATABASE},
    "redis": {CACHE},
    "rabbitmq": {BROKER},
    "migrate": {DATABASE},
    "fetch": {DATABASE, CACHE, "INTERNAL_TOKEN", "COINGECKO_API_KEY", "CMC_API_KEY"},
    "core-analytics": {DATABASE, CACHE, "INTERNAL_TOKEN"},
    "alerts": {DATABASE, CACHE, BROKER, "INTERNAL_TOKEN", "SECRETS_KEY", "SECRETS_KEYS_OLD"},
    "gateway": {DATABASE, CACHE, BROKER, "INTERNAL_TOKEN", "API_KEY_PEPPER", "JWT_SECRET", "ADMIN_PASS"},
    "balancer": set(),
}
SECRETS["gateway-2"] = SECRETS["gateway"]
ALL_SECRETS = set().union(*SECRETS.values())
# Without a person's wish these may be empty; all others have to stop `docker compose config`.
OPTIONAL_SECRETS = {"COINGECKO_API_KEY", "CMC_API_KEY", "SECRETS_KEYS_OLD", "ADMIN_PASS"}
CONDITIONS = {"service_healthy", "service_completed_successfully"}

problems: list[str] = []


def binaries() -> set[str]:
    """The names of all binaries of the workspace."""
    names = set()
    for folder in [*(ROOT / "crates").iterdir(), *(ROOT / "services").iterdir()]:
        if not (folder / "Cargo.toml").exists():
            continue
        if (folder / "src/main.rs").exists():
            names.add(tomllib.loads((folder / "Cargo.toml").read_text())["package"]["name"])
        names |= {path.stem for path in (folder / "src/bin").glob("*.rs")}
    return names


def check_dockerfile(known: set[str]) -> set[str]:
    """Checks the recipe; gives the binaries that it puts aside for images."""
    text = (ROOT / "deploy/Dockerfile").read_text()
    joined = re.sub(r"\\\n\s*", " ", text)
    stages = re.split(r"^FROM ", joined, flags=re.MULTILINE)[1:]
    last = stages[-1]
    built = set(re.findall(r"target/dist/([a-z-]+)", joined))
    for name in sorted(built - known):
        problems.append(f"Dockerfile copies target/dist/{name}, which is not a binary of the workspace")
    if not re.search(r"^USER (?!0|root)", last, re.MULTILINE):
        problems.append("the shipped image runs as root")
    if not re.search(r"^HEALTHCHECK ", last, re.MULTILINE):
        problems.append("the shipped image has no health check")
    if re.search(r"\b(gcc|g\+\+|clang|build-essential|cargo|rustc)\b", last):
        problems.append("the shipped image has a compiler")
    if not re.search(r"^ARG SERVICE$.*\$\{SERVICE:\?", last, re.MULTILINE | re.DOTALL):
        problems.append("the shipped image does not choose its binary by ARG SERVICE, or builds without one")
    if not re.search(r"CMD healthcheck .*/health/live$", last, re.MULTILINE):
        problems.append("the health of the shipped image is not liveness: what it needs may be away, and a restart does not help")
    for mount in re.findall(r"--mount=type=cache,(\S+)", joined):
        if "id=cryptolens-" not in mount:
            problems.append(f"the cache mount {mount} has no id of its own")
    if not re.search(r"touch-changed begin .*cargo build.*touch-changed end ", joined):
        problems.append("cargo builds in a cache mount without touching the sources that changed: it compares times only")
    names = [match.group(1) for stage in stages if (match := re.match(r"\S+ AS (\S+)", stage))]
    for stage in re.findall(r"--from=(\S+)", joined):
        if stage not in names:
            problems.append(f"Dockerfile copies from the unknown stage {stage}")
    for sources in re.findall(r"^COPY (?!--from)(.+)$", joined, re.MULTILINE):
        for source in sources.split()[:-1]:
            if not (ROOT / source).exists():
                problems.append(f"Dockerfile copies {source}, which does not exist")
    return built


def check_service(name: str, service: dict, compose: dict, built: set[str]) -> None:
    if "container_name" in service:
        problems.append(f"{name} has a container_name: it cannot be scaled")
    if name not in PUBLISHED and service.get("ports"):
        problems.append(f"{name} is published; only {sorted(PUBLISHED)} may be")
    image = service.get("image", "")
    if name in SERVERS and not re.search(r":\d", image):
        problems.append(f"{name} runs {image}: pin its version")
    networks = set(service.get("networks", []))
    if networks != ({"front"} if name == "balancer" else {"inside"} | NETWORKS.get(name, set())):
        problems.append(f"{name} is on the networks {sorted(networks)}")
    for limit in ["mem_limit", "pids_limit", "stop_grace_period"]:
        if limit not in service:
            problems.append(f"{name} has no {limit}")
    if "no-new-privileges:true" not in service.get("security_opt", []):
        problems.append(f"{name} may gain privileges")
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if not source.startswith((".", "/")) and source not in compose["volumes"]:
            problems.append(f"{name} uses the undeclared volume {source}")
    for other, how in service.get("depends_on", {}).items():
        target = compose["services"].get(other)
        if target is None:
            problems.append(f"{name} waits for {other}, which does not exist")
        elif how.get("condition") not in CONDITIONS:
            problems.append(f"{name} waits for {other} without a condition")
        elif how["condition"] == "service_healthy" and "build" not in target and "healthcheck" not in target:
            problems.append(f"{name} waits for the health of {other}, which has no health check")
        elif how["condition"] == "service_completed_successfully" and target.get("restart", "no") != "no":
            problems.append(f"{name} waits for the end of {other}, which restarts for ever")
    if build := service.get("build"):
        binary = build.get("args", {}).get("SERVICE")
        if not (ROOT / build["context"] / build["dockerfile"]).exists():
            problems.append(f"{name}: there is no {build['dockerfile']}")
        if binary not in built:
            problems.append(f"{name}: the image has no binary {binary}")
        if service.get("pull_policy") != "never":
            problems.append(f"{name} may be pulled: an image of that name that others published is not ours")
        if not image.endswith(f":${{CRYPTOLENS_VERSION:-{version()}}}"):
            problems.append(f"the image {image} has no tag of the version, so there is none to go back to")
        if name != "migrate" and "PORT" not in service.get("environment", {}):
            problems.append(f"{name} has no PORT, which its health check needs")
    elif name not in SERVERS:
        problems.append(f"{name} is neither built here nor a known server")


def check_secrets(name: str, service: dict) -> None:
    """.env reaches a service whole, so each secret that is not its own has to be emptied again."""
    environment = service.get("environment", {})
    text = " ".join(map(str, environment.values())) + " " + " ".join(map(str, service.get("command", [])))
    known = set(re.findall(r"\$\{(\w+)", text)) & ALL_SECRETS
    for secret in sorted(known - SECRETS[name]):
        problems.append(f"{name} is given {secret}, which it does not need")
    for secret in sorted(SECRETS[name] - known):
        problems.append(f"{name} is not given {secret}")
    for secret in sorted(known - OPTIONAL_SECRETS):
        if f"${{{secret}:?" not in text:
            problems.append(f"{name} starts without {secret}: write ${{{secret}:?run make env}}")
    if service.get("env_file"):
        for secret in sorted(ALL_SECRETS - set(re.findall(r"^\w+$", "\n".join(environment), re.MULTILINE))):
            problems.append(f"{name} gets {secret} from .env")


def version() -> str:
    return tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]


def check_compose(built: set[str]) -> None:
    compose = yaml.safe_load(COMPOSE.read_text())
    services = compose["services"]
    for name in sorted(set(SECRETS) - set(services)):
        problems.append(f"docker-compose.yml has no {name}")
    if not compose["networks"].get("inside", {}).get("internal"):
        problems.append("the inside network is not internal")
    if "subnet" not in str(compose["networks"].get("front")):
        problems.append("the front network has no fixed addresses, so TRUSTED_PROXIES cannot name a proxy")
    if "ALLOWED_HOSTS" not in services["gateway"]["environment"]:
        problems.append("gateway answers to every host name")
    check_balanced(services)
    for name, service in services.items():
        check_service(name, service, compose, built)
        if name in SECRETS:
            check_secrets(name, service)
    for name in SERVERS:
        if "healthcheck" not in services.get(name, {}):
            problems.append(f"{name} has no health check")
    examples = (ROOT / ".env.example").read_text()
    for secret in sorted(set(re.findall(r"^([A-Z_]+)=$", examples, re.MULTILINE)) - ALL_SECRETS):
        problems.append(f"the secret {secret} of .env.example is nobody's: say in SECRETS who may know it")


def check_balanced(services: dict) -> None:
    """The profile adds a second gateway, which is as the first, and the balancer; without it nothing is different."""
    profiles = {name: service["profiles"] for name, service in services.items() if "profiles" in service}
    if profiles != {"gateway-2": [BALANCED], "balancer": [BALANCED]}:
        problems.append(f"services of profiles: {profiles}")
    first, second = ({**services[name], "ports": None, "profiles": None} for name in ["gateway", "gateway-2"])
    if first != second:
        problems.append("gateway-2 differs from gateway")
    balancer = services["balancer"]
    if not balancer.get("read_only") or balancer.get("cap_drop") != ["ALL"] or str(balancer.get("user", "0")).startswith(("0", "root")):
        problems.append("the balancer can write to its root, has capabilities or runs as root")
    trusted = services["gateway"]["environment"]["TRUSTED_PROXIES"].split(",")[-1]
    if trusted != f"{balancer['networks']['front']['ipv4_address']}/32":
        problems.append(f"gateways believe {trusted}, which is not the balancer alone")


def check_demo() -> None:
    """The demo changes nothing but where prices come from and where webhooks may go, and has data of its own."""
    compose, demo = yaml.safe_load(COMPOSE.read_text()), yaml.safe_load(DEMO.read_text())
    if demo.get("name") in (None, compose["name"]):
        problems.append("the demo would share its data with the real prices")
    for name, service in demo["services"].items():
        if name in compose["services"]:
            for key in set(service) - {"environment", "networks"}:
                problems.append(f"the demo changes {key} of {name}")
        elif service.get("pull_policy") != "never" or not service.get("read_only") or not service.get("mem_limit"):
            problems.append(f"the demo's {name} may be pulled, is writable or has no memory limit")
        for port in service.get("ports", []):
            if "127.0.0.1" not in port:
                problems.append(f"the demo publishes {name} to other machines")


def check_addresses() -> None:
    """Ports in the addresses are the ports the services listen on."""
    services: dict = {}
    for path in [DEMO, COMPOSE]:
        services |= yaml.safe_load(path.read_text())["services"]
    text = COMPOSE.read_text() + DEMO.read_text()
    for host, port in set(re.findall(r"http://(?!127)([a-z-]+):(\d+)", text)):
        listens = "9999" if host == "receiver" else services.get(host, {}).get("environment", {}).get("PORT")
        if listens != port:
            problems.append(f"http://{host}:{port} is used, but {host} listens on {listens}")


def main() -> int:
    check_compose(check_dockerfile(binaries()))
    check_demo()
    check_addresses()
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("the container recipes are consistent")
    return 0


if __name__ == "__main__":
    sys.exit(main())
