#!/usr/bin/env python3
"""The OpenAPI document that the dashboard's types are made of must be the one that the gateway serves.

    openapi.py           compares, ends with 1 when they differ
    openapi.py --write   writes the document anew

It is checked in, because the page is built before the gateway: the gateway's binary holds the built page. Both need the
gateway's debug binary (cargo build --bin gateway).
"""

import difflib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = ROOT / "target/debug/gateway"
DOCUMENT = ROOT / "services/gateway/dashboard/openapi.json"
SHOWN_LINES = 40


def served() -> str:
    # Without variables, so that this machine's SUPPORTED_TICKERS are not in it.
    text = subprocess.run([GATEWAY, "docs", "openapi"], env={}, check=True, capture_output=True, text=True).stdout
    return json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    if not GATEWAY.exists():
        print(f"{GATEWAY.relative_to(ROOT)} is missing: cargo build --bin gateway")
        return 1
    new = served()
    old = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    name = DOCUMENT.relative_to(ROOT)
    if new == old:
        print(f"{name} is what the gateway serves")
        return 0
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(new)
        print(f"wrote {name}")
        return 0
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), str(name), "gateway", n=1, lineterm=""))
    print("\n".join(lines[:SHOWN_LINES]))
    print(f"{name} is not what the gateway serves; run make openapi")
    return 1


if __name__ == "__main__":
    sys.exit(main())
