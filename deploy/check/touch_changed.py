#!/usr/bin/env python3
"""deploy/touch-changed makes a build cache see every change of content, whatever the times of the files say."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "touch-changed"
LONG_AGO = 1_000_000_000

problems: list[str] = []


def expect(holds: bool, problem: str) -> None:
    if not holds:
        problems.append(problem)


def run(tree: Path, what: str) -> set[str]:
    """Gives everything an old time, runs the script, and says what has a new one."""
    for path in [*tree.rglob("*")]:
        os.utime(path, (LONG_AGO, LONG_AGO))
    subprocess.run([SCRIPT, what, "target/record"], cwd=tree, check=True)
    touched = {path for path in tree.rglob("*") if path.stat().st_mtime > LONG_AGO and "target" not in path.parts}
    return {str(path.relative_to(tree)) for path in touched}


def check(tree: Path) -> None:
    for name in ["target/cached", "a/one.rs", "a/two words.rs", "b/three.sql", "b/four.sql"]:
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(name)
    files = {"a/one.rs", "a/two words.rs", "b/three.sql", "b/four.sql"}
    expect(files <= run(tree, "begin"), "the first build does not touch everything")
    expect(run(tree, "begin") >= files, "a build after one that failed does not touch everything")
    run(tree, "end")
    expect(run(tree, "begin") == set(), "an unchanged tree is touched")
    run(tree, "end")
    (tree / "a/two words.rs").write_text("other text")
    (tree / "b/four.sql").unlink()
    touched = run(tree, "begin")
    expect("a/two words.rs" in touched, "a change of content with an old time is not touched")
    expect("a/one.rs" not in touched and "b/three.sql" not in touched, f"what is the same is touched: {touched}")
    expect("b" in touched, "the folder that a file went from is not touched")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("a build cache sees every change")
    return 0


if __name__ == "__main__":
    sys.exit(main())
