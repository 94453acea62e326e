#!/usr/bin/env bash
# Compares a running stack with its own OpenAPI document: schemathesis, all checks, a fixed seed, at most about a minute for each role.
#
# Once as each role: what a reader is refused, an analyst or an administrator is not.
#
# STACK_URL (or BASE_URL) is the gateway's address, STACK_ADMIN_USER and STACK_ADMIN_PASS its administrator. The stack has to run with
# limits that are never reached (RATE_LIMIT_*=100000/1, AUTH_FAILURE_LIMIT=100000/1). `schemathesis` has to be on the PATH.
set -euo pipefail

base=${STACK_URL:-${BASE_URL:-http://127.0.0.1:8000}}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ -n "${STACK_ADMIN_PASS:-}" ] || { echo 'set STACK_ADMIN_USER and STACK_ADMIN_PASS to the log-in of the running stack' >&2; exit 2; }
command -v schemathesis >/dev/null || { echo "install schemathesis: pip install 'schemathesis>=4,<5'" >&2; exit 2; }

# What it learns is written beside it; it belongs into no working tree.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# field NAME: one field of the JSON object on standard input.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# call METHOD PATH BODY [HEADER]: what the gateway answers.
call() {
    curl -fsS -m 20 -X "$1" "${base%/}$2" -H 'Content-Type: application/json' ${4:+-H "$4"} -d "$3"
}

# key_of ROLE: the key of a new user of that role.
key_of() {
    local token user
    user=$(call POST /api/v1/users/register "{\"email\":\"$1+$(date +%s%N)@example.com\"}")
    token=$(call POST /api/v1/auth/login "{\"username\":\"$STACK_ADMIN_USER\",\"password\":\"$STACK_ADMIN_PASS\"}" | field accessToken)
    call PATCH "/api/v1/admin/users/$(field id <<<"$user")" "{\"role\":\"$1\"}" "Authorization: Bearer $token" >/dev/null
    field api_key <<<"$user"
}

# conformance ROLE SECONDS
conformance() {
    local key
    key=$(key_of "$1")
    echo "--- as $1"
    SCHEMATHESIS_HOOKS=$here/hooks.py schemathesis --config-file "$here/schemathesis.toml" run "${base%/}/openapi.json" \
        --header "X-API-Key: $key" \
        --checks all \
        --phases examples,coverage,fuzzing \
        --mode all \
        --max-examples "${MAX_EXAMPLES:-20}" \
        --max-time "$2" \
        --request-timeout 20 \
        --workers 1 \
        --generation-deterministic \
        --wait-for-schema 30 \
        --continue-on-failure \
        --suppress-health-check all \
        --no-color
}

for role in ${ROLES:-reader analyst admin}; do
    conformance "$role" "${MAX_SECONDS:-60}"
done
