package main

import (
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// Runs one etcd until SIGTERM. It doesn't sync to the disk: nothing in it is worth keeping.
func runEtcd(args []string) {
	if len(args) != 3 {
		fail("usage: control-plane etcd DATA_FOLDER CLIENT_URL PEER_URL")
	}
	config := embed.NewConfig()
	config.Dir = args[0]
	config.ListenClientUrls = urls(args[1])
	config.AdvertiseClientUrls = urls(args[1])
	config.ListenPeerUrls = urls(args[2])
	config.AdvertisePeerUrls = urls(args[2])
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	config.LogOutputs = []string{"stderr"}
	server, err := embed.StartEtcd(config)
	if err != nil {
		fail(err.Error())
	}
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(time.Minute):
		fail("etcd was not ready within a minute")
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	<-signals
	server.Close()
}

func urls(text string) []url.URL {
	parsed, err := url.Parse(text)
	if err != nil {
		fail(err.Error())
	}
	return []url.URL{*parsed}
}
