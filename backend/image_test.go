package main_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An image is what the Dockerfile says of it.
type image struct {
	env     []string
	program string // its only program
	health  string // the arguments of the program for the health check
	volume  string
	user    string
	port    string
}

// readImage reads the Dockerfile, and tests that its parts fit each other.
func readImage(t *testing.T) (i image) {
	t.Helper()
	source, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	list := func(words string) []string {
		return strings.Fields(strings.NewReplacer(`"`, "", ",", " ", "[", "", "]", "").Replace(words))
	}
	for line := range strings.Lines(string(source)) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch instruction {
		case "ENV":
			i.env = strings.Fields(rest)
		case "ENTRYPOINT":
			i.program = list(rest)[0]
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(rest, "CMD ")
			i.health = list(command)[1]
		case "VOLUME":
			i.volume = rest
		case "USER":
			i.user = rest
		case "EXPOSE":
			i.port = rest
		}
	}
	for _, want := range []string{"LATCHKEY_DATA=" + i.volume, "LATCHKEY_LISTEN=0.0.0.0:" + i.port} {
		if !slices.Contains(i.env, want) {
			t.Errorf("the environment of the image is %v; want %s in it", i.env, want)
		}
	}
	return i
}

// environment returns the environment of the image as lines of a shell script. The volume is
// below a folder, and the server listens at an address.
func (i image) environment(dir, address string) string {
	return strings.NewReplacer("="+i.volume, "="+dir+i.volume, "0.0.0.0:"+i.port, address).Replace(strings.Join(i.env, "\n")) + "\n"
}

// TestDockerfile tests what a build of the image takes from the repository.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))[1]
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	i := readImage(t)
	for _, want := range []string{
		"FROM golang:" + goVersion + " AS build\n",
		"COPY go.mod go.sum ./\n",
		"RUN make build ",
		"COPY --from=build /src/bin/latchkey " + i.program + "\n",
		"--chown=" + i.user + " --chmod=700 /image" + i.volume + " " + i.volume + "\n",
		"docker build -t latchkey -f backend/deploy/Dockerfile .\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the Dockerfile does not contain %q", want)
		}
	}
	if !strings.Contains(string(makefile), "\nbuild: ") || !strings.Contains(string(makefile), "\nbin/latchkey: ") {
		t.Error("make build does not build bin/latchkey")
	}
}
