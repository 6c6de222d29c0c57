// Does with Pusher's SDK for Go what an application does with it, and prints what came of each step as JSON.
//
// usage: steps HOST PORT SOCKET_ID
package main

import (
	"encoding/json"
	"os"
	"strings"

	pusher "github.com/pusher/pusher-http-go/v5"
)

const name = "go"

type result struct {
	Ok    bool   `json:"ok"`
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	host := os.Args[1] + ":" + os.Args[2]
	socketID := os.Args[3]
	client := func(secret string) *pusher.Client {
		return &pusher.Client{AppID: "1001", Key: "app-key", Secret: secret, Host: host, OverrideMaxMessagePayloadKB: 100}
	}
	app := client("app-secret")
	results := map[string]result{}
	step := func(what string, value any, err error) {
		if err != nil {
			results[what] = result{Error: err.Error()}
		} else {
			results[what] = result{Ok: true, Value: value}
		}
	}

	room, first, second := "presence-"+name, name+"-a", name+"-b"
	counts, userCount := "user_count,subscription_count", "user_count"

	params := pusher.TriggerParams{SocketID: &socketID}
	_, err := app.TriggerMultiWithParams([]string{first, second}, "one", map[string]string{"from": name}, params)
	step("trigger", nil, err)
	_, err = app.TriggerBatch([]pusher.Event{
		{Channel: first, Name: "two", Data: "plain text"},
		{Channel: second, Name: "three", Data: map[string]int{"n": 3}},
	})
	step("batch", nil, err)

	channels, err := app.Channels(pusher.ChannelsParams{FilterByPrefix: &room, Info: &userCount})
	shown := map[string]any{}
	if err == nil {
		for channel, item := range channels.Channels {
			shown[channel] = map[string]int{"user_count": item.UserCount}
		}
	}
	step("channels", map[string]any{"channels": shown}, err)

	channel, err := app.Channel(room, pusher.ChannelParams{Info: &counts})
	if err == nil {
		step("channel", map[string]any{
			"occupied":           channel.Occupied,
			"user_count":         channel.UserCount,
			"subscription_count": channel.SubscriptionCount,
		}, nil)
	} else {
		step("channel", nil, err)
	}
	users, err := app.GetChannelUsers(room)
	if err == nil {
		step("users", map[string]any{"users": users.List}, nil)
	} else {
		step("users", nil, err)
	}

	step("sendToUser", nil, app.SendToUser("u-"+name, "hello", map[string]string{}))
	step("wrongSecret", nil, client("wrong").Trigger(first, "never", "x"))
	_, err = app.Channels(pusher.ChannelsParams{Info: &userCount})
	step("wrongInfo", nil, err)
	step("tooLarge", nil, app.Trigger(first, "never", strings.Repeat("x", 20000)))

	if err := json.NewEncoder(os.Stdout).Encode(results); err != nil {
		panic(err)
	}
}
