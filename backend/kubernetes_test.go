package main_test

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"latchkey/backend/store/storetest"
	"latchkey/backend/testkit"
)

// manifest is what the tests know of an object in kubernetes.yaml.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct {
				Containers []container
				Volumes    []struct {
					Name   string
					Secret struct {
						SecretName string `yaml:"secretName"`
					}
				}
			}
		}
		Selector any
		Ports    []struct {
			TargetPort string `yaml:"targetPort"`
		}
	}
}

type container struct {
	Env     []struct{ Name, Value string }
	EnvFrom []struct {
		SecretRef struct{ Name string } `yaml:"secretRef"`
	} `yaml:"envFrom"`
	Ports []struct {
		Name          string
		ContainerPort string `yaml:"containerPort"`
	}
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	VolumeMounts   []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// TestDocumentedKubernetes runs the commands of the documentation with a stand-in for
// kubectl, and a server as the manifest configures it.
func TestDocumentedKubernetes(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	dir, address := shellDir(t), testkit.FreeAddress(t)
	copyDeploy(t, dir)
	env := []string{"HOME=" + dir, standIn(t, dir, "kubectl", `
case $* in
"create secret generic "*)
	mkdir -p "$HOME/secrets/$4"
	case $5 in
	--from-file=keys=*) cp "${5#--from-file=keys=}" "$HOME/secrets/$4/keys" ;;
	--from-env-file=*) cp "${5#*=}" "$HOME/secrets/$4/env" ;;
	*) exit 1 ;;
	esac
	;;
"apply --filename="*) test -f "${2#*=}" ;;
"rollout status deployment/latchkey"|"logs --selector=app=latchkey "*) ;;
*) exit 1 ;;
esac`)}
	runShell(t, dir, env, mustReplace(t, testkit.Fence(t, operations, "sh", "kubectl create secret"), documentedURL, database))

	all := readYAML[manifest](t, "deploy/kubernetes.yaml")
	deployment := all[slices.IndexFunc(all, func(m manifest) bool { return m.Kind == "Deployment" })]
	service := all[slices.IndexFunc(all, func(m manifest) bool { return m.Kind == "Service" })]
	pod := deployment.Spec.Template
	if deployment.Metadata.Name != "latchkey" || pod.Metadata.Labels["app"] != "latchkey" {
		t.Errorf("the deployment is %q with the labels %v; the documentation says latchkey", deployment.Metadata.Name, pod.Metadata.Labels)
	}
	server := pod.Spec.Containers[0]
	port := server.Ports[0]
	if service.Spec.Ports[0].TargetPort != port.Name || port.ContainerPort != readImage(t).port {
		t.Errorf("the service leads to %q, and the container has %v; the image listens at %s", service.Spec.Ports[0].TargetPort,
			port, readImage(t).port)
	}
	script := "set -a\n" + readImage(t).environment(dir, address)
	for _, from := range server.EnvFrom {
		script += ". " + filepath.Join(dir, "secrets", from.SecretRef.Name, "env") + "\n"
	}
	for _, variable := range server.Env {
		script += variable.Name + "=" + variable.Value + "\n"
	}
	for _, mount := range server.VolumeMounts {
		for _, volume := range pod.Spec.Volumes {
			if volume.Name == mount.Name && volume.Secret.SecretName != "" {
				script = mustReplace(t, script, "="+mount.MountPath+"/", "="+filepath.Join(dir, "secrets", volume.Secret.SecretName)+"/")
			}
		}
	}
	running := startService(t, dir, address, nil, script+"exec bin/latchkey")
	for name, probe := range map[string]probe{"liveness": server.LivenessProbe, "readiness": server.ReadinessProbe} {
		answer, err := http.Get("http://" + address + probe.HTTPGet.Path) // the kubelet asks an IP address
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || probe.HTTPGet.Port != port.Name {
			t.Errorf("%s: %s at port %q; want 200 at %q", name, answer.Status, probe.HTTPGet.Port, port.Name)
		}
	}
	if said := runShell(t, dir, nil, script+"bin/latchkey verify-log"); !strings.Contains(said, "The security log is intact") {
		t.Errorf("verify-log prints %q", said)
	}
	running.stop()
}
