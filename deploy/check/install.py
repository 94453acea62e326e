#!/usr/bin/env python3
"""What deploy/local/install does about a missing Rust toolchain, with package managers that only pretend.

The commands of this machine are on the PATH but cargo, rustup and the package managers, in whose place stand small scripts.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "deploy/local/install"
PRETENDED = {"cargo", "rustc", "rustup", "apt-get", "apt-cache", "sudo", "node", "npm"}

CARGO = "echo 'cargo {version} (0000000 2026-01-01)'\n"
# Debian's rustup brings a cargo that asks for a toolchain until there is one.
RUSTUP = """echo "rustup $*" >>"$CALLS"
if [ "$1" = default ]; then printf '#!/bin/sh\\n%s' "$CARGO_TEXT" >"$BIN/cargo"; fi
"""
APT_GET = """echo "apt-get $*" >>"$CALLS"
case "$*" in *install*rustup*) printf '#!/bin/sh\\n%s' "$RUSTUP_TEXT" >"$BIN/rustup"; printf '#!/bin/sh\\nexit 1\\n' >"$BIN/cargo"
    chmod 755 "$BIN/rustup" "$BIN/cargo" ;; esac
"""

problems: list[str] = []


class Machine:
    """A machine with these commands beside the usual ones."""

    def __init__(self, folder: Path, **commands: str) -> None:
        self.calls = folder / "calls"
        self.calls.touch()
        self.bin = folder / "bin"
        self.bin.mkdir()
        for place in reversed(os.environ["PATH"].split(":")):
            for command in Path(place).glob("*") if place else []:
                link = self.bin / command.name
                if command.name not in PRETENDED:
                    link.unlink(missing_ok=True)
                    link.symlink_to(command)
        commands["node"] = "echo 99.0.0\n"
        commands["npm"] = ""
        commands["sudo"] = 'exec "$@"\n'
        for name, text in commands.items():
            path = self.bin / name.replace("_", "-")
            path.write_text("#!/bin/sh\n" + text)
            path.chmod(0o755)
        self.environment = {"PATH": str(self.bin), "HOME": str(folder), "LOCAL_DIR": str(folder / "local"), "BIN": str(self.bin)}
        self.environment |= {"CALLS": str(self.calls), "RUSTUP_TEXT": RUSTUP, "CARGO_TEXT": CARGO.format(version="99.0.0")}

    def install(self) -> tuple[int, str, str]:
        done = subprocess.run([INSTALL, "lint"], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr, self.calls.read_text()


def expect(name: str, result: tuple[int, str, str], code: int, said: str, called: str) -> None:
    if result[0] != code or said not in result[1] or called not in result[2] or (not called and result[2]):
        problems.append(f"{name}: code {result[0]}, it says {result[1]!r} and calls {result[2]!r}")


def main() -> int:
    line = "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"
    offered = {"apt_get": APT_GET, "apt_cache": "exit 0\n"}
    not_offered = {"apt_get": APT_GET, "apt_cache": "exit 1\n"}
    old, new = CARGO.format(version="1.63.0"), CARGO.format(version="99.0.0")
    cases = [
        ("there is a new one", {"cargo": new}, 0, "", ""),
        ("the system offers rustup", offered, 0, "rustup", "rustup default stable"),
        ("the system does not offer rustup", not_offered, 1, line, "apt-get update"),
        ("no known package manager", {}, 1, line, ""),
        ("an old one of the system", offered | {"cargo": old}, 1, "this is 1.63.0", ""),
        ("rustup without a toolchain", {"rustup": RUSTUP, "cargo": "exit 1\n"}, 0, "", "rustup default stable"),
    ]
    for name, commands, code, said, called in cases:
        with tempfile.TemporaryDirectory() as folder:
            expect(name, Machine(Path(folder), **commands).install(), code, said, called)
    for problem in problems:
        print(problem)
    if problems:
        return 1
    print("a missing Rust toolchain is installed, or the line for it is printed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
