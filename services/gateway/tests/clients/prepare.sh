# shellcheck shell=bash
# What the runs of generated clients share: which stack they talk to, and its document as generated/openapi.json.
#
# STACK_URL (or BASE_URL) is the gateway's address, STACK_ADMIN_USER and STACK_ADMIN_PASS its administrator, with a key of whom
# every operation is called.

STACK_URL=${STACK_URL:-${BASE_URL:-http://127.0.0.1:8000}}
STACK_URL=${STACK_URL%/}
export STACK_URL

[ -n "${STACK_ADMIN_PASS:-}" ] || { echo 'set STACK_ADMIN_USER and STACK_ADMIN_PASS to the log-in of the running stack' >&2; exit 2; }

# field NAME: one field of the JSON object on standard input.
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# post PATH BODY [HEADER]: what the gateway answers.
post() {
    curl -fsS -m 20 "$STACK_URL$1" -H 'Content-Type: application/json' ${3:+-H "$3"} -d "$2"
}

token=$(post /api/v1/auth/login "{\"username\":\"$STACK_ADMIN_USER\",\"password\":\"$STACK_ADMIN_PASS\"}" | field accessToken)
STACK_API_KEY=$(post /api/v1/keys '{"name":"generated clients"}' "Authorization: Bearer $token" | field api_key)
export STACK_API_KEY STACK_ADMIN_USER STACK_ADMIN_PASS

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
