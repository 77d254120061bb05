package main_test

import (
	"bytes"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// TestDocumentedDeployment runs the commands of the documentation for a new server on
// Postgres, as a service of systemd and under compose.
func TestDocumentedDeployment(t *testing.T) {
	t.Parallel()
	postgres, err := url.Parse(storetest.Shared(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"PGHOST=" + postgres.Hostname(), "PGPORT=" + postgres.Port(), "PGUSER=postgres", postgresPath(t)}
	runShell(t, t.TempDir(), env, testkit.Fence(t, operations, "sh", "createuser"))
	ok := t.Run("systemd", func(t *testing.T) { testSystemd(t, postgres.Host) })
	// The image of Postgres makes the role of POSTGRES_USER a superuser.
	runShell(t, t.TempDir(), env, `psql --command "DROP DATABASE latchkey WITH (FORCE)" \
		--command "ALTER ROLE latchkey SUPERUSER" --command "CREATE DATABASE latchkey OWNER latchkey"`)
	if ok {
		t.Run("compose", func(t *testing.T) { testCompose(t, postgres.Host, env) })
	}
}

// documentedURL is the URL of the database in Operations.
const documentedURL = "postgres://latchkey:SECRET@db.example.com/latchkey?sslmode=verify-full"

// testSystemd installs the unit below a folder, and starts what it starts.
func testSystemd(t *testing.T, postgres string) {
	dir, address := shellDir(t), testkit.FreeAddress(t)
	for _, folder := range []string{"usr/local/bin", "etc/systemd/system", "var/lib/latchkey"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	copyDeploy(t, dir)
	below := strings.NewReplacer("/usr/local/bin", dir+"/usr/local/bin", "/etc/", dir+"/etc/", "/var/lib/", dir+"/var/lib/")
	env := []string{standIn(t, dir, "useradd", `test "$1 $2" = "--system --home-dir"`)}
	runShell(t, dir, env, below.Replace(testkit.Fence(t, operations, "sh", "useradd")))

	envFile := filepath.Join(dir, "etc", "latchkey.env")
	if info, err := os.Stat(envFile); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file for secrets: %v, %v; want mode 0600", info, err)
	}
	config := mustReplace(t, below.Replace(testkit.Fence(t, operations, "ini", "LATCHKEY_DATA=")), "127.0.0.1:8080", address,
		documentedURL, "postgres://latchkey:SECRET@"+postgres+"/latchkey?sslmode=disable")
	if err := os.WriteFile(envFile, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	unitFile := filepath.Join(dir, "etc", "systemd", "system", "latchkey.service")
	source, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	unit := below.Replace(string(source))
	if err := os.WriteFile(unitFile, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	if verify, err := exec.LookPath("systemd-analyze"); err == nil {
		// It succeeds with a warning if it does not know a name.
		if said := runShell(t, dir, nil, verify+" verify "+unitFile); strings.Contains(said, "latchkey.service") {
			t.Errorf("systemd-analyze verify: %s", said)
		}
	}
	// Of a unit, the stand-ins know what is in this one.
	setting := func(name string) string {
		t.Helper()
		_, rest, found := strings.Cut(unit, "\n"+name+"=")
		value, _, _ := strings.Cut(rest, "\n")
		if !found {
			t.Fatalf("the unit does not set %s", name)
		}
		return value
	}
	standIn(t, dir, "systemctl", `
case $* in
daemon-reload) ;;
"enable --now latchkey") test -f `+unitFile+` ;;
*) exit 1 ;;
esac`)
	standIn(t, dir, "journalctl", `test "$*" = "--unit latchkey"`)
	runShell(t, dir, env, testkit.Fence(t, operations, "sh", "systemctl"))
	server := startService(t, setting("WorkingDirectory"), address, nil,
		"set -a; . "+setting("EnvironmentFile")+"; exec "+setting("ExecStart"))
	if !strings.Contains(server.output.String(), "https://accounts.example.com/sign-up?invite=") {
		t.Errorf("the log has no link for the first administrator:\n%s", server.output.String())
	}

	standIn(t, dir, "systemd-run", `
while :; do
	case $1 in
	--quiet|--pipe|--wait) ;;
	-p)
		shift
		case $1 in
		User=`+setting("User")+`) ;;
		EnvironmentFile=*) set -a; . "${1#*=}" ;;
		WorkingDirectory=*) cd "${1#*=}" ;;
		*) exit 1 ;;
		esac
		;;
	*) exec "$@" ;;
	esac
	shift
done`)
	said := runShell(t, dir, env, below.Replace(testkit.Fence(t, operations, "sh", "systemd-run")))
	if !strings.Contains(said, "The security log is intact") {
		t.Errorf("systemd-run prints %q", said)
	}
	server.stop()
}

// copyDeploy copies backend/deploy into a folder that stands for a clone.
func copyDeploy(t *testing.T, dir string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(dir, "backend", "deploy"), os.DirFS("deploy")); err != nil {
		t.Fatal(err)
	}
}

// composeFile is what the tests know of compose.yaml.
type composeFile struct {
	Name     string
	Services map[string]struct {
		Image       string
		Build       struct{ Context, Dockerfile string }
		Environment yaml.Node // in order
		Volumes     []string
		Networks    any
		Healthcheck struct{ Test []string }
	}
	Networks map[string]struct {
		IPAM struct {
			Config []struct {
				Subnet  netip.Prefix
				IPRange netip.Prefix `yaml:"ip_range"`
			}
		}
	}
	Volumes map[string]any
}

// readYAML reads the documents of a file.
func readYAML[T any](t *testing.T, file string) (all []T) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(content)); ; {
		var one T
		if err := decoder.Decode(&one); err != nil {
			if len(all) == 0 || err.Error() != "EOF" {
				t.Fatalf("%s: %v", file, err)
			}
			return all
		}
		all = append(all, one)
	}
}

// testCompose runs the commands with a stand-in for Docker that knows the services of
// compose.yaml: the server is a process with the environment of its image and its service,
// and Postgres is that of the tests.
func testCompose(t *testing.T, postgres string, env []string) {
	needs(t, "openssl")
	file := readYAML[composeFile](t, "deploy/compose.yaml")[0]
	checkCompose(t, file)
	dir, address := shellDir(t), testkit.FreeAddress(t)
	copyDeploy(t, dir)
	deploy := filepath.Join(dir, "backend", "deploy")
	image := readImage(t)
	environment := image.environment(dir, address)
	service := file.Services["latchkey"].Environment
	for i := 0; i < len(service.Content); i += 2 {
		// The form of its variables is that of the shell.
		environment += service.Content[i].Value + `="` + service.Content[i+1].Value + "\"\n"
	}
	environment = mustReplace(t, environment, "@postgres/", "@"+postgres+"/", "172.30.0.2/32", "127.0.0.1")
	env = append(env, "HOME="+dir, dockerStandIn(t, dir, file, environment))
	runShell(t, dir, env, testkit.Fence(t, operations, "sh", "openssl rand"))
	t.Cleanup(func() { runShell(t, deploy, env, "docker compose stop latchkey") })
	readLog := func() string { return runShell(t, deploy, env, "docker compose logs latchkey") }
	testkit.Eventually(t, "the log has the link for the first administrator", func() bool { // printed just after it is ready
		return strings.Contains(readLog(), "https://accounts.example.com/sign-up?invite=")
	}, readLog)
	if info, err := os.Stat(filepath.Join(deploy, ".env")); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file with the password: %v, %v; want mode 0600", info, err)
	}

	p := newProxy(t)
	p.upstream, p.log = address, readLog
	p.env = []string{"LATCHKEY_HOST=" + p.host, "LATCHKEY_UPSTREAM=" + address}
	caddyfile, err := os.ReadFile("deploy/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("caddy", func(t *testing.T) {
		p.runCaddy(t, string(caddyfile), "{$LATCHKEY_HOST} {")
		p.check(t)
	})

	said := runShell(t, deploy, env, testkit.Fence(t, operations, "sh", "docker compose cp"))
	client := testkit.NewClient("http://" + address)
	call := func(path, email string) testkit.Answer {
		return client.Post(path, body{"email": email, "name": "Ann", "password": testkit.Password}, "Host: "+p.host, "Origin: https://"+p.host)
	}
	call("/sign-up/email", "late@example.com").Must(t, 200, "")
	said += runShell(t, deploy, env, testkit.Fence(t, operations, "sh", "docker compose run"))
	if strings.Count(said, "The security log is intact") != 2 {
		t.Errorf("the commands print:\n%s", said)
	}
	call("/sign-in/email", "late@example.com").Must(t, 401, "INVALID_EMAIL_OR_PASSWORD")
}

// checkCompose tests that the addresses, names and commands in compose.yaml fit each other
// and the Dockerfile.
func checkCompose(t *testing.T, file composeFile) {
	t.Helper()
	build := file.Services["latchkey"].Build
	if _, err := os.Stat(filepath.Join("deploy", build.Context, build.Dockerfile)); err != nil {
		t.Error(err)
	}
	front := file.Networks["front"].IPAM.Config[0]
	networks, _ := file.Services["caddy"].Networks.(map[string]any)
	ofFront, _ := networks["front"].(map[string]any)
	text, _ := ofFront["ipv4_address"].(string)
	address, err := netip.ParseAddr(text)
	if err != nil || !front.Subnet.Contains(address) || front.IPRange.Contains(address) || !front.Subnet.Contains(front.IPRange.Addr()) {
		t.Errorf("the address of Caddy is %q; want one of %v that %v does not have", text, front.Subnet, front.IPRange)
	}
	for name, service := range file.Services {
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if _, declared := file.Volumes[source]; !declared && !strings.HasPrefix(source, "./") {
				t.Errorf("%s has the volume %q, which is not declared", name, source)
			}
		}
	}
	if !slices.Contains(file.Services["latchkey"].Volumes, "latchkey:"+readImage(t).volume) {
		t.Errorf("the server's volumes are %v; want one at %s", file.Services["latchkey"].Volumes, readImage(t).volume)
	}
}

// dockerStandIn returns the environment variable PATH with a stand-in for Docker.
func dockerStandIn(t *testing.T, dir string, file composeFile, environment string) (env string) {
	t.Helper()
	image := readImage(t)
	ready := file.Services["postgres"].Healthcheck.Test
	return standIn(t, dir, "docker", `
PATH=`+storetest.Shared(t).Programs()+`:$PATH
dir=`+dir+`
latchkey() {
	set -a
	. "$dir/backend/deploy/.env"
	`+environment+`
	exec "$dir/bin/latchkey" "$@"
}
command="$1 $2"
shift 2
case "$command $*" in
"compose up --detach --wait postgres") `+strings.Join(ready[1:], " ")+` ;;
"compose up --detach")
	(umask 077; mkdir -p "$dir`+image.volume+`")
	: >"$dir/pid" # is there while the server runs
	(
		latchkey & echo $! >"$dir/pid"
		wait $! || :
		# Another process can use the port for a moment.
		while tail -n 1 "$dir/log" | grep -q 'address already in use'; do
			sleep 0.1
			latchkey & echo $! >"$dir/pid"
			wait $! || :
		done
		rm "$dir/pid"
	) </dev/null >>"$dir/log" 2>&1 &
	for try in $(seq 600); do
		if (latchkey `+image.health+` >/dev/null 2>&1); then exit 0; fi
		sleep 0.1
		test -e "$dir/pid" || break
	done
	cat "$dir/log"
	exit 1
	;;
"compose stop "*)
	kill "$(cat "$dir/pid")"
	while test -e "$dir/pid"; do sleep 0.05; done
	;;
"compose create ") test -f "$dir/backend/deploy/.env" ;;
"compose logs latchkey") cat "$dir/log" ;;
"compose exec latchkey `+image.program+` "*) shift 2; latchkey "$@" ;;
"compose exec -T postgres "*) shift 2; exec "$@" ;;
"compose run --rm latchkey "*) shift 2; latchkey "$@" ;;
"compose cp latchkey:`+image.volume+`/keys "*) cp "$dir`+image.volume+`/keys" "$2" ;;
"run --rm --interactive --volume `+file.Name+`_latchkey:`+image.volume+` `+file.Services["postgres"].Image+` sh -c "*)
	for script; do :; done
	chown() { test "$1" = `+image.user+`; }
	eval "$(echo "$script" | sed "s,`+image.volume+`,$dir`+image.volume+`,g")"
	;;
*) echo "docker: the stand-in does not know $command $*" >&2; exit 1 ;;
esac`)
}

// TestDocumentedStart tests that the command of README.md starts a server.
func TestDocumentedStart(t *testing.T) {
	t.Parallel()
	dir, address := shellDir(t), testkit.FreeAddress(t)
	env := []string{"LATCHKEY_LISTEN=" + address, standIn(t, dir, "make", `test "$*" = build -a -x bin/latchkey`)}
	script := mustReplace(t, testkit.Fence(t, readme, "sh", "make build"), "/var/lib/latchkey", dir,
		"postgres://latchkey:SECRET@db/latchkey?sslmode=verify-full", storetest.Postgres(t))
	startService(t, dir, address, env, script).stop()
	if _, err := os.Stat(filepath.Join(dir, "keys")); err != nil {
		t.Error(err)
	}
}
