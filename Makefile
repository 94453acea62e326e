# Every task of the project. `make help` lists them.

SHELL := /usr/bin/env bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

LOCAL := deploy/local

# Variables of the command line reach the scripts: make demo PORT=9000, make demo GATEWAYS=2, make restart S=alerts.

.PHONY: help
help: ## this list
	@printf 'CryptoLens. Everything local lives in .local/ (LOCAL_DIR=... to change).\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done

.PHONY: demo
demo: ## the whole platform on a simulated market; GATEWAYS=2 for two gateways behind nginx; installs what is missing (needs root or sudo for that)
	@$(LOCAL)/demo demo

.PHONY: up
up: ## the same against the real venues, release build; reads .env (needs a route to the venues)
	@$(LOCAL)/demo live

.PHONY: down
down: ## stop the services and the private servers; data stays
	@$(LOCAL)/stack stop all

.PHONY: status
status: ## what runs, on which port, how healthy (needs nothing)
	@$(LOCAL)/stack status

.PHONY: logs
logs: ## follow the logs; S=alerts for one service, FOLLOW=0 to only look (needs a started demo)
	@$(LOCAL)/stack logs $(S)

.PHONY: restart
restart: ## restart one service: make restart S=alerts; several gateways one after the other (needs a started demo)
	@$(LOCAL)/stack restart $(S)

.PHONY: unblock
unblock: ## lift the blocks of addresses that showed too many wrong keys (needs a started demo)
	@$(LOCAL)/stack unblock

.PHONY: reset
reset: down ## stop everything and throw the local data away
	@$(LOCAL)/servers reset

.PHONY: env
env: ## make .env from .env.example with fresh secrets, for `make up` and docker compose (needs nothing)
	@$(LOCAL)/make-env

.PHONY: install
install: ## only install what is missing (needs root or sudo)
	@$(LOCAL)/install run

.PHONY: test
test: ## every test: Rust, dashboard, conformance, generated clients, browser; starts the private servers and a stack of its own
	@$(LOCAL)/test all

.PHONY: images
images: ## build the images and prove them on a real engine; IMAGES=require fails where there is none (needs Docker)
	@$(LOCAL)/images

.PHONY: test-unit
test-unit: ## the tests that talk to nothing (needs no server)
	@$(LOCAL)/test unit

.PHONY: lint
lint: ## format, clippy, documentation, architecture, scripts, containers, dashboard; warnings are errors (needs no server)
	@$(LOCAL)/lint

.PHONY: check-arch
check-arch: ## the invariants of ARCHITECTURE.md that a command can check (needs Python)
	@python3 deploy/check/architecture.py

.PHONY: deny
deny: ## licences and advisories of all dependencies (needs cargo-deny: cargo install cargo-deny)
	@cargo deny check

.PHONY: bench
bench: ## measured budgets, each beside a bare baseline; release build (starts the private servers)
	@$(LOCAL)/bench

.PHONY: migrate
migrate: ## bring the database of the demo to the newest schema (needs its PostgreSQL running)
	@$(LOCAL)/stack migrate

.PHONY: openapi
openapi: ## write the gateway's OpenAPI document for the dashboard, after a change of the API (needs no server)
	@cargo build --quiet --bin gateway && python3 deploy/check/openapi.py --write

.PHONY: dashboard
dashboard: ## build the web page that the gateway serves (needs Node.js)
	@$(LOCAL)/dashboard
