# make alone lists the targets.
STATICCHECK = go tool -modfile=internal/tools/staticcheck.mod staticcheck
RACY = ./cmd/ampfit ./optim/... ./internal/fft ./internal/wav ./graph/... ./tape ./adjoint
BENCH ?= .
BENCHTIME ?= 200ms

# What a shared library is called here.
SHARED = $(if $(filter windows,$(shell go env GOOS)),dll,$(if $(filter darwin,$(shell go env GOOS)),dylib,so))

.PHONY: help test race bench lint docs lib abi-test ci
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

docs: ## write the node reference, docs/nodes.md, from the registry, and the picture of docs/architecture.md
	go run ./cmd/ampfit nodes --markdown > docs/nodes.md.new
	mv docs/nodes.md.new docs/nodes.md
	go run ./internal/tools/archpicture > docs/architecture.svg.new
	mv docs/architecture.svg.new docs/architecture.svg

lib: ## build libamp and libamp_native, the C libraries, and amp.h into build/; needs a C compiler
	@mkdir -p build
	CGO_ENABLED=1 go build -buildmode=c-shared -o build/libamp.$(SHARED) ./abi/libamp
	CGO_ENABLED=1 go build -tags native -buildmode=c-shared -o build/libamp_native.$(SHARED) ./abi/libamp
	@rm -f build/libamp.h build/libamp_native.h
	cp abi/libamp/amp.h build/amp.h

abi-test: ## compile C and C++ programs against the libraries and run them; needs a C compiler
	go test ./abi/libamp/... ./abi/cnode/...

ci: ## everything that a change must pass
	bash .ci/run
