// The control plane of a Kubernetes cluster as one binary with several roles, so that it is linked once:
//
//	control-plane etcd DATA_FOLDER CLIENT_URL PEER_URL
//	control-plane kube-apiserver | kube-controller-manager | kube-scheduler [flags of that command]
//
// What runs is the real thing: these are the commands' own main functions.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

var commands = map[string]func() *cobra.Command{
	"kube-apiserver":          apiserver.NewAPIServerCommand,
	"kube-controller-manager": controllers.NewControllerManagerCommand,
	"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
}

func main() {
	if len(os.Args) < 2 {
		fail("usage: control-plane etcd | kube-apiserver | kube-controller-manager | kube-scheduler [flags]")
	}
	role := os.Args[1]
	os.Args = append([]string{role}, os.Args[2:]...)
	if role == "etcd" {
		runEtcd(os.Args[1:])
		return
	}
	command, known := commands[role]
	if !known {
		fail("unknown role " + role)
	}
	os.Exit(cli.Run(command()))
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
