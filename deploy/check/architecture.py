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


def use_paths(tree: str) -> list[str]:
    """The paths of a `use` tree: `a::{b, c::{self, D}}` names `a::b`, `a::c` and `a::c::D`."""
    tree = tree.strip()
    opening = tree.find("{")
    if opening < 0:
        return [re.sub(r"\s+as\s+\w+$", "", tree)]
    prefix, inner = tree[:opening], tree[opening + 1 : tree.rfind("}")]
    paths, depth, start = [], 0, 0
    for at, character in enumerate(inner + ","):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            if part := inner[start:at].strip():
                paths += [prefix.removesuffix("::") if path == "self" else prefix + path for path in use_paths(part)]
            start = at + 1
    return paths


def imports(path: Path, folder: Path, modules: dict[tuple[str, ...], Path]) -> dict[Path, int]:
    """The files of the same crate that a file names in its paths, each with the line of the first of them.

    A `mod` declaration is no import: a parent that only lists its children depends on none of them. Unit tests at the end
    of a file may use what they like.
    """
    parts = path.relative_to(folder).with_suffix("").parts
    own = () if parts in (("lib",), ("main",)) else parts[:-1] if parts[-1] == "mod" else parts
    text = "\n".join(line for _, line in code_lines(path)).split("#[cfg(test)]\nmod ", 1)[0]
    # Strings may hold anything that looks like a path.
    text = re.sub(r'"(?:\\.|[^"\\])*"', lambda found: '"' + "\n" * found.group(0).count("\n") + '"', text)
    named: list[tuple[int, str]] = []
    statement = re.compile(r"\buse\s+([^;]*);")
    for found in statement.finditer(text):
        named += [(found.start(), name) for name in use_paths(re.sub(r"\s+", " ", found.group(1)))]
    plain = statement.sub(lambda found: " " * len(found.group(0)), text)
    for found in re.finditer(r"(?<![\w:])\w+(?:::\w+)+", plain):
        named.append((found.start(), found.group(0)))
    targets: dict[Path, int] = {}
    for at, name in named:
        steps = [step.strip() for step in name.split("::")]
        # A path begins with one of these words or with a module below this one; any other begins with a crate or a type.
        if steps[0] not in ("crate", "self", "super") and (*own, steps[0]) not in modules:
            continue
        base: tuple[str, ...] = () if steps[0] == "crate" else own
        while steps and steps[0] in ("crate", "self", "super"):
            base = base[:-1] if steps[0] == "super" else base
            steps = steps[1:]
        whole = (*base, *steps)
        # The longest prefix that is a module; what follows are items in it.
        module = next((whole[:n] for n in range(len(whole), -1, -1) if whole[:n] in modules), None)
        target = modules.get(module) if module is not None else None
        if target and target != path:
            targets.setdefault(target, text.count("\n", 0, at) + 1)
    return targets


def circles(graph: dict[Path, dict[Path, int]]) -> list[list[Path]]:
    """The strongly connected parts of more than one file (Tarjan)."""
    index: dict[Path, int] = {}
    low: dict[Path, int] = {}
    stack: list[Path] = []
    found: list[list[Path]] = []

    def visit(node: Path) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph[node]:
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            part = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in index:
            visit(node)
    return found


def check_import_circles() -> None:
    """Files of one crate import one another in one direction, so that each can be read, tested and moved by itself."""
    for name in [*SERVICES, *CRATES]:
        folder = ROOT / ("services" if name in SERVICES else "crates") / name / "src"
        modules: dict[tuple[str, ...], Path] = {}
        for path in sources(folder.parent):
            parts = path.relative_to(folder).with_suffix("").parts
            if parts[0] == "bin" or parts == ("main",):
                continue
            modules[() if parts == ("lib",) else parts[:-1] if parts[-1] == "mod" else parts] = path
        graph = {path: imports(path, folder, modules) for path in modules.values()}
        for circle in circles(graph):
            for path in circle:
                for target, line in graph[path].items():
                    if target in circle:
                        other = target.relative_to(folder)
                        report(path, line, f"a circle of {len(circle)} files: this one imports {other}, which leads back")


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
