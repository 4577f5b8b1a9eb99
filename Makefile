# Unbrick. Two targets are all a newcomer needs: run and test.

GO ?= go

.PHONY: help run test build page check browser test-js test-power bench clean

help:            ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run: build       ## build, and serve the page with demo content on http://127.0.0.1:8080
	bin/unbrick serve --demo

build: page      ## bin/unbrick, with the page embedded
	$(GO) build -trimpath -o bin/unbrick ./cmd/unbrick

page:            ## generate the page's Go code and build static/dist
	$(GO) run ./internal/buildpage

check: page      ## format, vet natively and for the browser, size of the program
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo 'gofmt: the files above need it' >&2; exit 1; }
	$(GO) vet ./...
	GOOS=js GOARCH=wasm $(GO) vet ./wasm/... ./apparatus/... ./webui/... ./restore/... ./lab/...
	GOARCH=386 $(GO) vet ./flash/... ./release/... ./delta/... ./protocol/... ./terminal/... ./emulator/... ./lab/...
	$(GO) run ./internal/buildpage -size

test: check browser ## all tests; installs Chromium through the system's packages when none is found
	$(GO) test -timeout 30m ./...
	$(MAKE) test-js

test-js: browser ## tests that run in the browser itself
	.ci/test-js

test-power:      ## every cut, every tear, nothing sampled
	$(GO) test -timeout 80m -run 'Cut' ./terminal/... ./lab/... -exhaustive

bench:           ## benchmarks: delta making and applying, sessions, restoration
	$(GO) test -run '^$$' -bench . -benchtime 1x ./delta/... ./server/... ./lab/...

browser:
	@.ci/browser

clean:
	rm -rf bin .bin
