# shellcheck shell=bash
# What the runs of generated clients share: which stack they talk to, and its document as generated/openapi.json.
#
# STACK_URL (or BASE_URL) is the gateway's address, STACK_API_KEY (or API_KEY) a key of it.

STACK_URL=${STACK_URL:-${BASE_URL:-http://127.0.0.1:8000}}
STACK_URL=${STACK_URL%/}
STACK_API_KEY=${STACK_API_KEY:-${API_KEY:-}}
export STACK_URL STACK_API_KEY

[ -n "$STACK_API_KEY" ] || { echo 'set STACK_API_KEY to a key of the running stack' >&2; exit 2; }

fetch_document() {
    # The newest prices come a moment after the gateway; without one, arithmetic on prices is not tried.
    local deadline=$((SECONDS + 60))
    until curl -fsS -m 5 -o /dev/null "$STACK_URL/api/v1/rates/" -H "X-API-Key: $STACK_API_KEY" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "$STACK_URL has no prices after 60 s" >&2; exit 1; }
        sleep 0.5
    done

    rm -rf generated
    mkdir generated
    curl -fsS -m 20 -o generated/openapi.json "$STACK_URL/openapi.json"
}
