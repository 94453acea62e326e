#!/usr/bin/env python3
"""What can be said about deploy/Dockerfile and docker-compose.yml without a Docker engine. Needs PyYAML."""

import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVERS = {"postgres", "redis", "rabbitmq"}
PUBLISHED = "gateway"
OUTSIDE = {"fetch", "alerts", "gateway"}
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
    if not re.search(r"^ARG SERVICE$", last, re.MULTILINE):
        problems.append("the shipped image does not choose its binary by ARG SERVICE")
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
    if name != PUBLISHED and service.get("ports"):
        problems.append(f"{name} is published; only {PUBLISHED} may be")
    image = service.get("image", "")
    if name in SERVERS and not re.search(r":\d", image):
        problems.append(f"{name} runs {image}: pin its version")
    for network in service.get("networks", []):
        if network not in compose["networks"]:
            problems.append(f"{name} is on the undeclared network {network}")
        if network != "inside" and name not in OUTSIDE:
            problems.append(f"{name} has a way out of the inside network")
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
        if name != "migrate" and "PORT" not in service.get("environment", {}):
            problems.append(f"{name} has no PORT, which its health check needs")
        for file in service.get("env_file", []):
            path = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", file)
            if path != ".env" and not (ROOT / path).exists():
                problems.append(f"{name} reads {path}, which does not exist")
    elif name not in SERVERS:
        problems.append(f"{name} is neither built here nor a known server")


def check_compose(built: set[str]) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = compose["services"]
    for name in sorted((SERVERS | {"migrate", "fetch", "core-analytics", "alerts", "gateway", "market-sim"}) - set(services)):
        problems.append(f"docker-compose.yml has no {name}")
    if services.get("market-sim", {}).get("profiles") != ["demo"]:
        problems.append("market-sim belongs to the profile demo only")
    if not compose["networks"].get("inside", {}).get("internal"):
        problems.append("the inside network is not internal")
    for name, service in services.items():
        check_service(name, service, compose, built)
    for name in SERVERS:
        if "healthcheck" not in services.get(name, {}):
            problems.append(f"{name} has no health check")


def check_addresses() -> None:
    """Ports in the addresses are the ports the services listen on."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    text = (ROOT / "docker-compose.yml").read_text() + (ROOT / "deploy/market/demo.env").read_text()
    for host, port in set(re.findall(r"http://([a-z-]+):(\d+)", text)):
        listens = compose["services"].get(host, {}).get("environment", {}).get("PORT")
        if listens != port:
            problems.append(f"http://{host}:{port} is used, but {host} listens on {listens}")


def main() -> int:
    check_compose(check_dockerfile(binaries()))
    check_addresses()
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("the container recipes are consistent")
    return 0


if __name__ == "__main__":
    sys.exit(main())
