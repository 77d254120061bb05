# Latchkey. Nothing is needed but Go and make; "make test" says what else it wants.
# Times are those of two cores, from a clean clone, once Go's modules are there and
# compiled; the first time that takes some four minutes more.
#
#   make run          build what has changed and start on http://localhost:8080, with
#                     SQLite in ./data (10 s)
#   make build        leave the one static binary, everything inside, in bin/latchkey (1 min)
#   make quick        test what needs neither browser nor Postgres (under 1 min)
#   make test         test all that a change can break: lint, both databases, the npm
#                     client, the browser; installs what they need, where it may (9 min)
#   make check        the same with what is installed; what is missing is skipped aloud
#   make slow         test the rest: make race, make pooler, make plain, the size of the
#                     app (13 min)
#   make race         the race detector over what needs no browser, in the program, too (4 min)
#   make pooler       the store on Postgres behind PgBouncer (1 min)
#   make plain        the browser, with go-app as it is, and each page in every way (7 min)
#   make lint         gofmt, go vet, staticcheck, govulncheck, go mod tidy -diff (1 min)
#   make fuzz         every fuzz test for 20 seconds (3 min)
#   make bench        measure the binary on SQLite and on Postgres, and print the table (10 min)
#   make bench-ui     measure in Chromium how soon pages can be used, beside go-app's
#                     hello world (5 min)
#   make size         weigh the app, say which packages it is made of, and fail if it is
#                     over budget (3 min)
#   make screenshots  take pictures of every page, light and dark, small and wide, into
#                     build/screenshots (2 min)
#   make lighthouse   have Lighthouse look at pages: 100 of 100 for access and best
#                     practices, or it fails (2 min)
#   make clean        delete what was built (never ./data)

.PHONY: help run build quick test check slow race pooler plain lint fuzz bench bench-ui size screenshots lighthouse clean
.DELETE_ON_ERROR:

# All compile alike, so that what one has compiled is there for the next.
export CGO_ENABLED := 0
export GOFLAGS     := $(shell go env GOFLAGS) -trimpath

# What each build reads.
APP    := $(shell find app shared \( -name '*.go' -o -name '*.txt' \) ! -name '*_test.go') go.mod go.sum
SERVER := $(shell find backend shared web -type f ! -name '*_test.go' ! -path '*/testdata/*' \
	! -path 'web/build/*' ! -path 'backend/bench/*' ! -path 'web/app.wasm*') go.mod go.sum
WASM   := web/app.wasm web/app.wasm.br web/app.wasm.gz

help:
	@sed '/^$$/q; s/^# \{0,1\}//' Makefile

run: bin/latchkey
	@exec bin/latchkey

# The binary that is handed out carries the app as small as it gets, which
# takes 20 seconds more than what run and test are content with.
build: build/small.wasm.br
	@cp build/small.wasm.br web/app.wasm.br
	@cp build/small.wasm.gz web/app.wasm.gz
	@$(MAKE) --no-print-directory bin/latchkey
	@ls -lh bin/latchkey

bin/latchkey: $(SERVER) $(WASM)
	@echo 'Building the server …'
	@go build -ldflags='-s -w' -o $@ ./backend

# -l: without inlining the app is 4 % smaller.
COMPILE := GOOS=js GOARCH=wasm go build -gcflags=all=-l
STRIP   := -ldflags='-s -w'

web/app.wasm: $(APP) build/wasm.mod
	@echo 'Building the app (WebAssembly); the first time this takes a minute or two …'
	@$(COMPILE) $(STRIP) -modfile=build/wasm.mod -o $@ ./app

# The copy of go-app without what the app does not use, and the go.mod that has it.
build/wasm.mod: go.mod go.sum $(wildcard web/build/slim.go web/build/*_wasm.txt)
	@go run ./web/build slim

build/plain.wasm: $(APP)
	@echo 'Building the app with go-app as it is …'
	@$(COMPILE) $(STRIP) -o $@ ./app

# The least that go-app makes.
build/hello.wasm: web/build/hello/main.go go.mod go.sum
	@echo "Building go-app's hello world …"
	@$(COMPILE) $(STRIP) -o $@ ./web/build/hello

build/hello.wasm.br: build/hello.wasm
	@go run ./web/build -quality 11 build/hello.wasm

# app.wasm once more, with what tells from which package its code is.
build/named.wasm: $(APP) build/wasm.mod
	@$(COMPILE) -modfile=build/wasm.mod -o $@ ./app

web/app.wasm.br web/app.wasm.gz &: web/app.wasm
	@echo 'Compressing the app …'
	@go run ./web/build -quality 5 web/app.wasm

# How many bytes the app may have, compressed as far as it goes.
BUDGET := 1200000

build/small.wasm.br build/small.wasm.gz &: web/app.wasm
	@echo 'Compressing the app as far as it goes …'
	@mkdir -p build
	@cp web/app.wasm build/small.wasm
	@go run ./web/build -quality 11 -budget $(BUDGET) build/small.wasm

# Always in the same folder, or go test would run again what has not changed.
quick: build/wasm.mod $(WASM)
	@LATCHKEY_TEST_DATABASES=sqlite LATCHKEY_TEST_TMP=/dev/shm/latchkey-quick-$$(id -u) \
		.ci/gotest $$(go list ./... | grep -v -e '/backend$$' -e '/backend/browsertest$$')

test:
	@.ci/install
	@$(MAKE) --no-print-directory check

check: $(WASM) lint
	@rm -rf build/failures
	@.ci/gotest -count=1 -timeout 40m -parallel $(PARALLEL) ./...

# Tests at a time in each package: more than there are processors, because many
# wait for a code of an authenticator or for an email.
PARALLEL := 4

slow:
	@.ci/install race
	@$(MAKE) --no-print-directory build/small.wasm.br
	@$(MAKE) --no-print-directory race
	@$(MAKE) --no-print-directory pooler
	@$(MAKE) --no-print-directory plain

race: build/wasm.mod $(WASM)
	@.ci/race $(PARALLEL)

pooler:
	@LATCHKEY_TEST_DATABASES=pooler .ci/gotest -count=1 ./backend/store

# The app must do without the copy of go-app, too, and where the browser optimizes
# it.
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
	@go run ./backend/bench

bench-ui: build build/hello.wasm.br
	@go run ./backend/bench ui

size: $(WASM) build/hello.wasm build/plain.wasm build/named.wasm
	@go run ./web/build -budget $(BUDGET) size

screenshots: $(WASM)
	@go test -tags=screenshots -count=1 -run TestScreenshots ./backend/browsertest

lighthouse: $(WASM)
	@go test -tags=lighthouse -count=1 -v -run TestLighthouse ./backend/browsertest

clean:
	rm -rf bin build $(WASM)
