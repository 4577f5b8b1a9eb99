# Unbrick. Two targets are all a newcomer needs: run and test.

GO ?= go

.PHONY: help run test build page check format look browser test-browser test-code test-race test-serial test-hostile test-power test-limits test-cable test-devices bench clean

help:            ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

run:             ## build quickly, and serve the page with demo content on http://127.0.0.1:8080
	$(GO) run ./internal/buildpage -fast
	$(GO) build -trimpath -o bin/unbrick ./cmd/unbrick
	bin/unbrick serve --demo

build: page      ## bin/unbrick, with the page embedded
	$(GO) build -trimpath -o bin/unbrick ./cmd/unbrick

page:            ## generate the page's Go code and build static/dist
	$(GO) run ./internal/buildpage

check: format page ## format, vet and staticcheck natively and for the browser, known vulnerabilities, size of the program
	@$(MAKE) --no-print-directory look

format:
	@! gofmt -l . | grep -v '_gen\.go$$' || { echo 'gofmt: the files above need it' >&2; exit 1; }

look: # of check what takes long
	$(GO) vet ./...
	GOOS=js GOARCH=wasm $(GO) vet -tags tinygo ./wasm/...
	GOARCH=386 $(GO) vet ./flash/... ./release/... ./delta/... ./protocol/... ./terminal/... ./emulator/... ./lab
	$(GO) build -o .bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	.bin/staticcheck ./...
	GOOS=js GOARCH=wasm .bin/staticcheck -tags tinygo ./wasm/...
	$(GO) run ./internal/vulncheck
	$(GO) run ./internal/buildpage -size

# What runs with the race detector. It looks at whatever they use but for what computes in one goroutine, which would cost
# two thirds of the time, and for a database that was translated from C.
RACED = ./server/... ./webui/engine ./webui/library ./webui/labwork ./restore/...
UNSEEN = unbrick/delta/... unbrick/terminal/... unbrick/release/... unbrick/flash crypto/... regexp/... modernc.org/...
RACE = -race -short $(UNSEEN:%=-gcflags=%=-race=false)
# The tests that -short cuts down: they run whole without it.
WHOLE = ^(TestHostileLink|TestKill|TestStorageThatGoesWrong|TestRestoresAfterAnyCut|TestFullImageFigures|TestDifferenceFigures|TestEveryMessageSpoiled|TestVanishesAtEveryFrame|TestEveryStateLeadsBack|TestUnplugESP|TestNoiseESP)$$

test: format page browser ## all checks and tests; installs Chromium through the system's packages when none is found
	@$(MAKE) --no-print-directory -j2 test-browser look test-code

# What drives a browser. A browser waits much: beside it runs the rest.
BROWSER = ./internal/e2e ./internal/webserial ./wasm/... ./static ./webui/view/... ./lab/report

# Vetted they are by check, with all that vet knows.
TEST = $(GO) test -vet=off

test-browser:    ## only the tests that drive a browser
	$(TEST) -p 1 -timeout 60m $(BROWSER)

test-code:       ## only the tests that drive none
	$(TEST) $(RACE) -timeout 30m $(RACED)
	$(TEST) -timeout 30m -run '$(WHOLE)' ./server ./server/storage/local ./webui/engine ./restore ./restore/esp
	$(TEST) -timeout 30m $(filter-out $(shell $(GO) list $(BROWSER) $(RACED) ./terminal),$(shell $(GO) list ./...))
	$(TEST) -short ./terminal # samples the cuts; test-power leaves none out
	@$(TEST) -v -run 'TestFullDisk$$' ./server/storage/local | grep 'NOT CHECKED' || true # said, where no disk can be mounted

test-race:       ## only what runs with the race detector: server, the page's engine and restore
	$(GO) test $(RACE) -timeout 30m $(RACED)

test-serial: page browser ## only the tests through the browser's real serial stack; skips nothing
	@mkdir -p .bin
	UNBRICK_SERIAL=1 UNBRICK_COUNT=$(CURDIR)/.bin/restorations $(GO) test -count=1 -timeout 30m -v -run Serial ./internal/webserial ./internal/e2e
	@echo "Restorations through navigator.serial: $$(cat .bin/restorations)"

test-hostile:    ## strangers with everything but keys, at 1,000 addresses, while 200 devices update: ten minutes
	UNBRICK_HOSTILE=10m $(GO) test -count=1 -timeout 40m -v ./internal/hostile

test-power:      ## every cut with every tear, pairs of cuts, real images: at least a million states; hours
	$(GO) test -count=1 -timeout 300m -v -run TestPower ./lab/sweep/suite -power
	$(GO) test -count=1 -timeout 80m -v -run 'Update|Recovery|Restor|Cut' ./terminal ./restore

test-limits:     ## update and restoration of the largest images and sectors there may be; a minute
	UNBRICK_LIMITS=1 $(GO) test -run Limits ./cmd/unbrick

test-cable:      ## every message of a restoration spoiled in every way, unplugged at every frame, every state; minutes
	UNBRICK_CABLE=all $(GO) test -count=1 -timeout 60m -v -run 'Every|Figure' ./restore

# Packages with tests that run with UNBRICK_DEVICES=1 alone, or are skipped when .ci/devices did not bring what they need.
DEVICES = ./internal/standin/... ./internal/devicetest/...

test-devices:    ## genuine boot loaders, and foreign clients against the stand-ins; installs them; minutes
	@.ci/devices
	UNBRICK_DEVICES=1 $(GO) test -count=1 -timeout 30m -v -run 'EsptoolJS|Genuine|Avrdude' $(DEVICES)

bench:           ## benchmarks: delta making and applying, sessions, restoration, start of the page, cycles of the power-cut lab
	$(GO) test -run '^$$' -bench . -benchtime 1x ./delta/... ./server/... ./restore ./emulator
	$(GO) test -run '^$$' -bench Cycles -benchtime 5s ./lab/sweep
	$(GO) test -run '^$$' -bench 'Delta|Start' -benchtime 1x -timeout 30m ./internal/e2e # making and decoding deltas in the browser, and starting the page

browser:
	@.ci/browser

clean:
	rm -rf bin .bin
