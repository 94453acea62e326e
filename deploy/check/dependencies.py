#!/usr/bin/env python3
"""Every declared dependency is used: it costs building time, advisories and trust, whether code names it or not.

A dependency of a crate is used when the crate's sources name it in a path; one of the workspace when a crate takes it.
Prints what is wrong as `file: what` and ends with 1 when there is anything. Needs only Python.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Crates that are there for their features or their linking, with the reason. Keys are `<crate>/<dependency>`.
USED_UNNAMED: dict[str, str] = {}

# The folders that may use the dependencies of a section of Cargo.toml. Unit tests in `src` use `dev-dependencies`.
FOLDERS = {
    "dependencies": ("src",),
    "dev-dependencies": ("src", "tests", "benches", "examples"),
    "build-dependencies": ("build.rs",),
}


def text_of(crate: Path, places: tuple[str, ...]) -> str:
    """The sources without comments, which may name anything."""
    files = [crate / place for place in places if place.endswith(".rs")]
    files += [path for place in places for path in sorted((crate / place).rglob("*.rs"))]
    lines = (line for path in files if path.is_file() for line in path.read_text().splitlines())
    return "\n".join(line for line in lines if not line.lstrip().startswith("//"))


def is_named(dependency: str, text: str) -> bool:
    name = re.escape(dependency.replace("-", "_"))
    return re.search(rf"(?<![\w.])(?:::)?{name}\s*::|\buse\s+(?:::)?{name}\b|\bextern\s+crate\s+{name}\b", text) is not None


def main() -> int:
    problems: list[str] = []
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    taken: set[str] = set()
    allowed: set[str] = set()
    manifests = [path for member in workspace["members"] for path in sorted(ROOT.glob(f"{member}/Cargo.toml"))]
    for path in manifests:
        data = tomllib.loads(path.read_text())
        for section, places in FOLDERS.items():
            text = text_of(path.parent, places)
            for dependency in data.get(section, {}):
                taken.add(dependency)
                key = f"{data['package']['name']}/{dependency}"
                if key in USED_UNNAMED:
                    allowed.add(key)
                elif not is_named(dependency, text):
                    used_in = " or ".join(places)
                    problems.append(f"{path.relative_to(ROOT)}: nothing in {used_in} names {dependency} of [{section}]")
    for dependency in workspace["dependencies"]:
        if dependency not in taken:
            problems.append(f"Cargo.toml: no crate takes {dependency} out of [workspace.dependencies]")
    for key in USED_UNNAMED:
        if key not in allowed:
            problems.append(f"{Path(__file__).relative_to(ROOT)}: USED_UNNAMED names {key}, which is no dependency")
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("every dependency is used")
    return 0


if __name__ == "__main__":
    sys.exit(main())
