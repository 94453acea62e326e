#!/usr/bin/env bash
# Compares a running stack with its own OpenAPI document: schemathesis, all checks, a fixed seed, at most about 90 seconds.
#
# STACK_URL (or BASE_URL) is the gateway's address, STACK_API_KEY (or API_KEY) a key of it. The stack has to run with limits
# that are never reached (RATE_LIMIT_*=100000/1, AUTH_FAILURE_LIMIT=100000/1). `schemathesis` has to be on the PATH.
set -euo pipefail

base=${STACK_URL:-${BASE_URL:-http://127.0.0.1:8000}}
key=${STACK_API_KEY:-${API_KEY:-}}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ -n "$key" ] || { echo 'set STACK_API_KEY to a key of the running stack' >&2; exit 2; }
command -v schemathesis >/dev/null || { echo "install schemathesis: pip install 'schemathesis>=4,<5'" >&2; exit 2; }

# What it learns is written beside it; it belongs into no working tree.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

SCHEMATHESIS_HOOKS=$here/hooks.py schemathesis --config-file "$here/schemathesis.toml" run "${base%/}/openapi.json" \
    --header "X-API-Key: $key" \
    --checks all \
    --phases examples,coverage,fuzzing \
    --mode all \
    --max-examples "${MAX_EXAMPLES:-20}" \
    --max-time "${MAX_SECONDS:-90}" \
    --request-timeout 20 \
    --workers 1 \
    --generation-deterministic \
    --wait-for-schema 30 \
    --continue-on-failure \
    --suppress-health-check all \
    --no-color
