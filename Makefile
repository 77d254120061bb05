# Latchkey. It needs only Go and make; "make test" says what else it needs. Times are for
# two cores and a clean clone, with Go's modules downloaded and compiled. The first time,
# that takes about six minutes more.
#
#   make run          build what has changed and start on http://localhost:8080, with
#                     SQLite in ./data (10 s)
#   make dev          run, and watch the sources: show a change of the stylesheet at once,
#                     reload open pages with a new app, restart the server (10 s)
#   make build        build the static binary, which includes everything, as bin/latchkey
#                     (1 min)
#   make quick        run the tests that need neither a browser nor Postgres (under 1 min)
#   make test         run lint and the tests for both databases, the npm client and the
#                     browser; install what they need if permitted (9 min)
#   make check        the same without installing anything; report skipped tests
#   make slow         run the remaining tests: make race, make pooler, make killed, make
#                     moved, make plain, the size of the app (15 min)
#   make race         run the tests without a browser under the race detector, including
#                     those that start the binary (4 min)
#   make pooler       test the store on Postgres behind PgBouncer (1 min)
#   make killed       kill an import of users ten times at random moments, on both databases
#                     (1 min)
#   make moved        move a small application with Next.js and Better Auth to Latchkey (1 min)
#   make plain        run the browser tests with the unmodified go-app, and check each page
#                     in all its variants (7 min)
#   make lint         run gofmt, go mod tidy -diff, golangci-lint, govulncheck, and ESLint and
#                     stylelint for JavaScript and CSS (1 min)
#   make fuzz         run every fuzz test for 20 seconds (3 min)
#   make bench        benchmark the binary on Postgres and on SQLite, beside Better Auth if
#                     Node.js and npm are installed (10 min)
#   make bench-ui     measure in Chromium how soon pages are usable, compared with go-app's
#                     hello world (12 min)
#   make size         print the size of the app and of its packages, and fail if the app
#                     exceeds its budget (3 min)
#   make screenshots  save screenshots of every page, light and dark, narrow and wide, in
#                     build/screenshots (2 min)
#   make lighthouse   run Lighthouse on pages, and fail unless accessibility and best
#                     practices score 100 (2 min)
#   make clean        delete all build results (never ./data)

.PHONY: help run dev build quick test check slow race pooler killed moved plain lint fuzz bench bench-ui size screenshots lighthouse clean
.DELETE_ON_ERROR:

# All targets use the same build flags, so that they share the build cache.
export CGO_ENABLED := 0
export GOFLAGS     := $(shell go env GOFLAGS) -trimpath

# The sources of each build.
APP    := $(shell find app shared \( -name '*.go' -o -name english_js.txt \) ! -name '*_test.go') go.mod go.sum
SERVER := $(shell find backend shared web -type f ! -name '*_test.go' ! -path '*/testdata/*' \
	! -path 'web/build/*' ! -path 'web/dev/*' ! -path 'web/npm/*' ! -path 'backend/bench/*' ! -path 'web/app.wasm*') go.mod go.sum
WASM   := web/app.wasm web/app.wasm.br web/app.wasm.gz

help:
	@sed '/^$$/q; s/^# \{0,1\}//' Makefile

run: bin/latchkey
	@exec bin/latchkey

dev:
	@go run ./web/dev

# The binary for release contains the app at maximum compression, which takes 20 seconds
# longer than the compression for run and test.
build: build/small.wasm.br
	@cp build/small.wasm.br web/app.wasm.br
	@cp build/small.wasm.gz web/app.wasm.gz
	@$(MAKE) --no-print-directory bin/latchkey
	@ls -lh bin/latchkey

bin/latchkey: $(SERVER) $(WASM)
	@echo 'Building the server …'
	@go build -buildvcs=auto -ldflags='-s -w' -o $@ ./backend

# -l disables inlining, which makes the app 4 % smaller.
COMPILE := GOOS=js GOARCH=wasm go build -gcflags=all=-l
STRIP   := -ldflags='-s -w'

web/app.wasm: $(APP) build/wasm.mod
	@echo 'Building the app (WebAssembly); the first time this takes a minute or two …'
	@$(COMPILE) $(STRIP) -modfile=build/wasm.mod -o $@ ./app
	@go run ./web/build join $@

# The copy of go-app without the parts that the app does not use, and the go.mod for it.
build/wasm.mod: go.mod go.sum $(wildcard web/build/slim.go web/build/*_wasm.txt)
	@go run ./web/build slim

build/plain.wasm: $(APP)
	@echo 'Building the app with unmodified go-app …'
	@$(COMPILE) $(STRIP) -o $@ ./app

# A minimal go-app program.
build/hello.wasm: web/build/hello/main.go go.mod go.sum
	@echo "Building go-app's hello world …"
	@$(COMPILE) $(STRIP) -o $@ ./web/build/hello

build/hello.wasm.br: build/hello.wasm
	@go run ./web/build -quality 11 build/hello.wasm

# app.wasm with function names, which tell the package of its code.
build/named.wasm: $(APP) build/wasm.mod
	@$(COMPILE) -modfile=build/wasm.mod -o $@ ./app

web/app.wasm.br web/app.wasm.gz &: web/app.wasm
	@echo 'Compressing the app …'
	@go run ./web/build -quality 5 web/app.wasm

# The maximum size of the app in bytes, at maximum compression.
BUDGET := 1200000

build/small.wasm.br build/small.wasm.gz &: web/app.wasm
	@echo 'Compressing the app at maximum quality …'
	@mkdir -p build
	@cp web/app.wasm build/small.wasm
	@go run ./web/build -quality 11 -budget $(BUDGET) build/small.wasm

# Always uses the same folder, so that go test can reuse cached results.
quick: build/wasm.mod $(WASM)
	@LATCHKEY_TEST_DATABASES=sqlite LATCHKEY_TEST_TMP=/dev/shm/latchkey-quick-$$(id -u) \
		.ci/gotest $$(go list ./... | grep -v -e '/backend$$' -e '/backend/browsertest$$')

test:
	@.ci/install
	@$(MAKE) --no-print-directory check

check: $(WASM) lint
	@rm -rf build/failures
	@.ci/gotest -count=1 -timeout 40m -parallel $(PARALLEL) ./...

# Parallel tests in each package. There are more than processors, because many tests wait
# for the next code of an authenticator or for an email.
PARALLEL := 4

slow:
	@.ci/install race
	@$(MAKE) --no-print-directory build/small.wasm.br
	@$(MAKE) --no-print-directory race
	@$(MAKE) --no-print-directory pooler
	@$(MAKE) --no-print-directory killed
	@$(MAKE) --no-print-directory moved
	@$(MAKE) --no-print-directory plain

race: build/wasm.mod $(WASM)
	@.ci/race $(PARALLEL)

pooler: $(WASM)
	@LATCHKEY_TEST_DATABASES=pooler .ci/gotest -count=1 ./backend/store

moved: $(WASM)
	@LATCHKEY_TEST_THOROUGH=on .ci/gotest -count=1 -run TestMovedApplication ./backend

killed: $(WASM)
	@LATCHKEY_TEST_THOROUGH=on .ci/gotest -count=1 -run TestImportKilled ./backend

# The app must also work with the unmodified go-app, and when the browser optimizes its code.
plain: build/plain.wasm
	@rm -rf build/failures
	@trap 'rm -f $(WASM)' EXIT; \
		cp build/plain.wasm web/app.wasm && \
		$(MAKE) --no-print-directory web/app.wasm.br && \
		LATCHKEY_TEST_OPTIMIZE=on LATCHKEY_TEST_THOROUGH=on .ci/gotest -count=1 -timeout 40m -parallel $(PARALLEL) ./backend/browsertest

lint:
	@.ci/lint

fuzz:
	@.ci/fuzz

bench: build
	@go run ./backend/bench $(BENCH)

bench-ui: build build/hello.wasm.br
	@go run ./backend/bench ui

size: $(WASM) build/hello.wasm build/plain.wasm build/named.wasm
	@go run ./web/build -budget $(BUDGET) size

screenshots: $(WASM)
	@go test -tags=screenshots -count=1 -run TestScreenshots ./backend/browsertest

lighthouse: build
	@go test -tags=lighthouse -count=1 -v -run TestLighthouse ./backend/browsertest

clean:
	rm -rf bin build $(WASM)
