#!/usr/bin/env bash
# Generates a TypeScript and a Python client from a running stack's OpenAPI document, checks their types, and calls every
# operation once with each. An operation that is new fails the run until `every_operation.ts` and `every_operation.py` call it.
#
# STACK_URL (or BASE_URL) is the gateway's address, STACK_ADMIN_USER and STACK_ADMIN_PASS its administrator. The packages of `package-lock.json`
# have to be installed here (npm ci), and those of `requirements.txt` have to be on the PATH (pip install -r requirements.txt).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=services/gateway/tests/clients/prepare.sh
source ./prepare.sh

[ -x node_modules/.bin/openapi-typescript ] || { echo 'install the packages: npm ci' >&2; exit 2; }
command -v openapi-python-client >/dev/null || { echo 'install the packages: pip install -r requirements.txt' >&2; exit 2; }

fetch_document

echo '--- TypeScript: openapi-typescript, openapi-fetch'
node_modules/.bin/openapi-typescript generated/openapi.json --output generated/openapi.ts
node_modules/.bin/tsc --noEmit
node --import tsx every_operation.ts

echo '--- Python: openapi-python-client'
openapi-python-client generate --path generated/openapi.json --config python-client.yaml --meta none \
    --output-path generated/cryptolens_client --fail-on-warning
MYPYPATH=generated mypy --strict --cache-dir generated/.mypy_cache every_operation.py generated/cryptolens_client
python3 -m compileall -q generated/cryptolens_client
PYTHONPATH=generated python3 every_operation.py
