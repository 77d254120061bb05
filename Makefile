# Latchkey. Nothing is needed but Go and make; "make test" says what else it wants.
#
#   make run      build what has changed and start on http://localhost:8080, with SQLite in ./data
#   make build    leave the one static binary, everything inside, in bin/latchkey
#   make test     everything: the checks of lint, then every test; installs what they need, where it may
#   make check    the same with what is installed; what is missing is skipped aloud
#   make lint     gofmt, go vet, staticcheck, govulncheck, go mod tidy -diff
#   make fuzz     every fuzz test for 20 seconds
#   make bench    measure the binary on SQLite and on Postgres, and print the table
#   make bench-ui  measure in Chromium how soon pages can be used, beside go-app's hello world
#   make size     weigh the app, say which packages it is made of, and fail if it is over budget
#   make screenshots  take pictures of every page, light and dark, small and wide, into build/screenshots
#   make lighthouse   have Lighthouse look at pages: 100 of 100 for access and best practices, or it fails
#   make plain    compile the app with go-app as it is, and test that in the browser
#   make clean    delete what was built (never ./data)

.PHONY: help run build test check lint fuzz bench bench-ui size screenshots lighthouse plain clean
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
build: build/small
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

# The app must do without the copy, too.
plain: build/plain.wasm
	@cp build/plain.wasm web/app.wasm
	@$(MAKE) --no-print-directory web/app.wasm.br
	@.ci/gotest ./backend; status=$$?; rm -f $(WASM); exit $$status

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

build/small: web/app.wasm
	@echo 'Compressing the app as far as it goes …'
	@go run ./web/build -quality 11 -budget $(BUDGET) web/app.wasm
	@mkdir -p build
	@touch $@

test:
	@.ci/install
	@$(MAKE) --no-print-directory check

check: lint build/small $(WASM)
	@.ci/gotest

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
	@go test -tags=screenshots -count=1 -run TestScreenshots ./backend

lighthouse: $(WASM)
	@go test -tags=lighthouse -count=1 -v -run TestLighthouse ./backend

clean:
	rm -rf bin build $(WASM)
