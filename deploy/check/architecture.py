#!/usr/bin/env python3
"""The invariants of ARCHITECTURE.md that a command can check.

Prints every violation as `file:line: what is wrong` and ends with 1 when there is one. Needs only Python.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"fetch": "market", "core-analytics": "analytics", "alerts": "alerting", "gateway": "accounts"}
CRATES = ["domain", "contracts", "platform", "market-sim", "testkit", "bench"]

# What gives a crate a way to the outside, to other tasks or to the clock.
INPUT_OUTPUT = {
    "tokio", "tokio-util", "async-trait", "futures-util", "actix-web", "reqwest", "redis", "deadpool-redis",
    "deadpool-postgres", "tokio-postgres", "lapin", "refinery", "config", "rand", "tracing", "metrics", "platform",
}
TABLE_WORDS = r"(?:from|join|into|update|table|truncate|lock|only)"
SCHEMAS = "|".join(SERVICES.values())
SQL = re.compile(rf"\b{TABLE_WORDS}\s+(?:only\s+)?\"?({SCHEMAS})\"?\s*\.", re.IGNORECASE)

problems: list[str] = []


def report(path: Path, line: int, message: str) -> None:
    problems.append(f"{path.relative_to(ROOT)}:{line}: {message}")


def manifest(folder: Path) -> dict:
    return tomllib.loads((folder / "Cargo.toml").read_text())


def sources(folder: Path, *parts: str) -> list[Path]:
    found: list[Path] = []
    for part in parts or ("src",):
        found += sorted((folder / part).rglob("*.rs"))
    return found


def code_lines(path: Path):
    """The lines of a file with their numbers, comments blanked."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        stripped = line.lstrip()
        yield number, "" if stripped.startswith("//") else line


def check_dependencies() -> None:
    """Services never import one another; crates point inwards; domain and contracts do no input or output."""
    allowed = {
        "domain": set(),
        "contracts": {"domain"},
        "platform": {"contracts"},
        "market-sim": {"domain", "contracts", "platform"},
        "testkit": {"domain", "contracts", "platform", "market-sim", *SERVICES},
        "bench": {"domain", "contracts", "platform", "market-sim", "testkit", "alerts"},
        **{service: {"domain", "contracts", "platform"} for service in SERVICES},
    }
    ours = set(CRATES) | set(SERVICES)
    for name, inward in allowed.items():
        folder = ROOT / ("services" if name in SERVICES else "crates") / name
        data = manifest(folder)
        for section in ("dependencies", "build-dependencies"):
            for dependency in data.get(section, {}):
                if dependency in ours and dependency not in inward:
                    report(folder / "Cargo.toml", 1, f"{name} must not depend on {dependency}")
                if name in ("domain", "contracts") and dependency in INPUT_OUTPUT:
                    report(folder / "Cargo.toml", 1, f"{name} has no input or output: no {dependency}")
        for dependency in data.get("dev-dependencies", {}):
            if name in SERVICES and dependency in SERVICES and dependency != name:
                report(folder / "Cargo.toml", 1, f"{name}'s tests must not depend on {dependency}")
    for service in SERVICES:
        others = [other.replace("-", "_") for other in SERVICES if other != service]
        imported = re.compile(rf"\buse\s+(?:::)?({'|'.join(others)})\b(?:::|;)|\bextern\s+crate\s+({'|'.join(others)})\b")
        for path in sources(ROOT / "services" / service, "src", "tests"):
            for number, line in code_lines(path):
                found = imported.search(line)
                # `use alerts::...` inside a service may name a module of its own.
                if found and not (path.parent / f"{found.group(1)}.rs").exists() and not (path.parent / found.group(1)).is_dir():
                    report(path, number, f"{service} imports the service {found.group(1) or found.group(2)}")


def check_domain_is_pure() -> None:
    """Time is an argument, and nothing waits."""
    forbidden = re.compile(r"\basync\b|\.await\b|\bstd::(?:net|fs|env|process|thread)\b|\b(?:Instant|SystemTime|Timestamp|Zoned)::now\b")
    for path in sources(ROOT / "crates/domain"):
        for number, line in code_lines(path):
            if found := forbidden.search(line):
                report(path, number, f"domain is pure: no `{found.group(0)}`")


def check_schemas() -> None:
    """A service's SQL names tables of its own schema only, and only services have SQL."""
    for name in [*SERVICES, "platform", "market-sim", "domain", "contracts"]:
        folder = ROOT / ("services" if name in SERVICES else "crates") / name
        for path in sources(folder):
            # SQL runs over several lines: look at the text as a whole and find the line again.
            text = "\n".join(line for _, line in code_lines(path))
            for found in SQL.finditer(text):
                schema = found.group(1).lower()
                if schema != SERVICES.get(name):
                    report(path, text.count("\n", 0, found.start()) + 1, f"{name} must not use the schema {schema}")


def check_provider_types() -> None:
    """A provider's own types never leave its folder."""
    providers = ROOT / "services/fetch/src/providers"
    if not providers.is_dir():
        return
    for path in sources(ROOT / "services/fetch"):
        inside = path.is_relative_to(providers) and path.parent != providers
        for number, line in code_lines(path):
            if not inside and re.search(r"\bwire::", line):
                report(path, number, "a provider's wire types stay in services/fetch/src/providers/<provider>/")


def check_key_names() -> None:
    """Redis keys and queue names are made in contracts only, never spelt out."""
    literal = re.compile(r'"(?:quote|observation|metrics|alerts:gt|alerts:lt|batch|rl|auth|lease):?\{\{|"(?:webhooks_queue|alert-events)"')
    for name in SERVICES:
        for path in sources(ROOT / "services" / name):
            for number, line in code_lines(path):
                if literal.search(line):
                    report(path, number, "key and queue names come from contracts")


# Crates whose files still import one another in circles.
CIRCULAR = {"alerts", "gateway"}
TEST_MODULE = re.compile(r"#\[cfg\(test\)\]\s*mod\s+\w+\s*\{")
USE = re.compile(r"^\s*(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);", re.MULTILINE)
PATH = re.compile(r"\b(?:crate|super)(?:::\w+)+")


def use_paths(tree: str) -> list[str]:
    """The paths of a `use`, its braces written out."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(tree):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(tree[start:at])
            start = at + 1
    parts.append(tree[start:])
    paths: list[str] = []
    for part in (part.strip() for part in parts):
        if "{" in part:
            prefix, rest = part.split("{", 1)
            paths += [prefix.strip() + path for path in use_paths(rest[: rest.rindex("}")])]
        elif part:
            paths.append(part)
    return paths


def module_of(path: Path, root: Path) -> tuple[str, ...]:
    parts = path.relative_to(root).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def imports(root: Path) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
    """Which file of a crate imports which; a re-export of a child is no import, and tests do not count."""
    files = {module_of(path, root): path for path in root.rglob("*.rs") if path.name != "main.rs" and path.parent.name != "bin"}
    graph: dict[tuple[str, ...], set[tuple[str, ...]]] = {module: set() for module in files}
    for module, path in files.items():
        if module[-1:] == ("tests",):
            continue
        text = TEST_MODULE.split("\n".join(line for _, line in code_lines(path)))[0]
        paths = [one for exported, tree in USE.findall(text) if not exported for one in use_paths(tree)]
        paths += PATH.findall(USE.sub("", text))
        for one in paths:
            names, base = one.split(" as ")[0].split("::"), None
            if names[0] == "crate":
                base, names = (), names[1:]
            elif names[0] == "self":
                base, names = module, names[1:]
            while names and names[0] == "super":
                base, names = (module if base is None else base)[:-1], names[1:]
            if base is None:
                continue
            target = (*base, *names)
            while target not in files:
                target = target[:-1]
            if target != module:
                graph[module].add(target)
    return graph


def reachable(graph: dict, start: tuple[str, ...]) -> set:
    seen, waiting = set(), [start]
    while waiting:
        for target in graph[waiting.pop()] - seen:
            seen.add(target)
            waiting.append(target)
    return seen


def check_import_circles() -> None:
    """Files of one crate import in one direction, so each can be read after those it builds on."""
    for name in [*SERVICES, *CRATES]:
        if name in CIRCULAR:
            continue
        root = ROOT / ("services" if name in SERVICES else "crates") / name / "src"
        graph = imports(root)
        reach = {module: reachable(graph, module) for module in graph}
        for module in sorted(graph):
            circle = sorted({other for other in reach[module] if module in reach[other]} | {module})
            if module in reach[module] and module == circle[0]:
                names = ", ".join("::".join(other) or "lib" for other in circle)
                report(root / "lib.rs", 1, f"{name} has an import circle: {names}")


def check_file_length() -> None:
    """A file that outgrows one screenful of outline has two jobs."""
    for name in [*SERVICES, *CRATES]:
        folder = ROOT / ("services" if name in SERVICES else "crates") / name
        for path in sources(folder):
            lines = path.read_text().count("\n")
            if lines > 450:
                report(path, lines, "longer than 450 lines: split it")


def main() -> int:
    check_dependencies()
    check_domain_is_pure()
    check_schemas()
    check_provider_types()
    check_key_names()
    check_import_circles()
    check_file_length()
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} violations of ARCHITECTURE.md")
        return 1
    print("the architecture's invariants hold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
