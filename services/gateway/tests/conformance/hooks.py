"""Completes the document by what it says in words: with `numbers=string` every decimal is a string that holds it exactly.

The schemas say `number` alone, because clients are generated from them. The run also asks for strings, and checks their form.
"""

from typing import Any

import schemathesis
from hypothesis import strategies

DECIMAL = r"^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"


schemathesis.openapi.format("ip-address", strategies.ip_addresses().map(str))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Permits the string form of decimals in answers."""
    for name in ("Number", "Price", "Float"):
        raw_schema["components"]["schemas"][name] |= {"type": ["number", "string"], "pattern": DECIMAL}
