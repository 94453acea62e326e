#!/usr/bin/env bash
# The same as ../run.sh with the clients that openapi-generator (https://openapi-generator.tech) makes: `typescript-fetch` and
# `python`. A run of its own, because the generator needs Java, version 11 or newer.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=services/gateway/tests/clients/prepare.sh
source ../prepare.sh

[ -x ../node_modules/.bin/tsc ] || { echo 'install the packages: npm ci' >&2; exit 2; }
command -v openapi-generator-cli >/dev/null || { echo 'install the packages: pip install -r requirements.txt' >&2; exit 2; }
java -version >/dev/null 2>&1 || { echo 'install Java, version 11 or newer' >&2; exit 2; }

fetch_document

echo '--- openapi-generator: typescript-fetch, python'
# One Java process for both. It writes a line for every file, and warnings about names that it changes.
openapi-generator-cli batch --fail-fast typescript-fetch.yaml python.yaml >generated/openapi-generator.log 2>&1 \
    || { cat generated/openapi-generator.log >&2; exit 1; }

echo '--- TypeScript: typescript-fetch'
../node_modules/.bin/tsc --noEmit
node --import tsx every_operation.ts

echo '--- Python: python'
mypy every_operation.py generated/python/cryptolens_client
python3 -m compileall -q generated/python/cryptolens_client
PYTHONPATH=generated/python python3 every_operation.py
