# make alone lists the targets.
STATICCHECK = go tool -modfile=internal/tools/staticcheck.mod staticcheck
RACY = ./cmd/ampfit ./optim ./internal/fft ./optim/loss ./internal/wav ./graph ./adjoint
BENCH ?= .
BENCHTIME ?= 200ms

.PHONY: help test race bench lint docs ci
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## run the tests; needs only Go
	go test ./...

race: ## run the tests of what is concurrent under the race detector; needs a C compiler
	CGO_ENABLED=1 go test -race -short $(RACY)

bench: ## measure ns/frame per lane and allocs/op of kernels, whole graphs and losses (BENCH=regexp, BENCHTIME=1s)
	go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./nodes ./adjoint ./optim/loss

lint: ## gofmt, go vet and staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...

docs: ## write the node reference, docs/nodes.md, from the registry
	go run ./cmd/ampfit nodes --markdown > docs/nodes.md.new
	mv docs/nodes.md.new docs/nodes.md

ci: ## everything that a change must pass
	bash .ci/run
