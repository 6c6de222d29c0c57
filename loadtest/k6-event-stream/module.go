// Package eventstream is the extension k6/x/event-stream: it lets scripts of k6 read answers of text/event-stream while they come.
//
//	import { EventStream } from "k6/x/event-stream";
//
//	const stream = new EventStream("http://127.0.0.1:8080/sse?key=app-key&channels=news", {
//		opened() {},
//		event(name, data, id, readAtMs) {},
//		ended(status, reason) {},
//	});
//	stream.close();
//
// Nothing blocks: streams run beside the event loop of their thread, as WebSockets of k6 do, so one thread has as many as it likes.
package eventstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/grafana/sobek"
	"github.com/mstoykov/k6-taskqueue-lib/taskqueue"
	"go.k6.io/k6/js/common"
	"go.k6.io/k6/js/modules"
	"go.k6.io/k6/lib"
)

func init() {
	modules.Register("k6/x/event-stream", new(RootModule))
}

// How long an answer may take to begin.
const answerTimeout = 60 * time.Second

// RootModule makes the module of each thread.
type RootModule struct{}

// NewModuleInstance makes the module of one thread.
func (*RootModule) NewModuleInstance(vu modules.VU) modules.Instance {
	return &instance{vu: vu}
}

// instance is the module as one thread has it.
type instance struct {
	vu modules.VU
	// Made with the first stream, as there is no dialer before a test runs.
	transport *http.Transport
}

// Exports is what a script can import.
func (m *instance) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{"EventStream": m.newEventStream}}
}

// new EventStream(url, handlers): begins to connect. Throws for what can't be called, and before the test runs.
func (m *instance) newEventStream(call sobek.ConstructorCall) *sobek.Object {
	runtime := m.vu.Runtime()
	state := m.vu.State()
	if state == nil {
		common.Throw(runtime, common.NewInitContextError("an EventStream can't be opened in the init context: do so in a function that a scenario runs"))
	}
	handlers, err := readHandlers(runtime, call.Argument(1))
	if err != nil {
		common.Throw(runtime, err)
	}
	ctx, cancel := context.WithCancel(m.vu.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, call.Argument(0).String(), nil)
	if err == nil && request.URL.Scheme != "http" && request.URL.Scheme != "https" {
		err = fmt.Errorf("%q is none", call.Argument(0).String())
	}
	if err != nil {
		cancel()
		common.Throw(runtime, fmt.Errorf("an EventStream needs an address, http:// or https://: %w", err))
	}
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("User-Agent", state.Options.UserAgent.String)
	if m.transport == nil {
		m.transport = newTransport(state)
	}
	stream := &stream{
		runtime:  runtime,
		handlers: handlers,
		cancel:   cancel,
		tasks:    taskqueue.New(m.vu.RegisterCallback),
		room:     make(chan struct{}, 1),
	}
	go stream.run(m.transport, request)
	object := runtime.NewObject()
	if err := object.Set("close", stream.close); err != nil {
		common.Throw(runtime, err)
	}
	return object
}

// What a script wants to be told. Each may be absent.
type handlers struct {
	opened sobek.Callable
	event  sobek.Callable
	ended  sobek.Callable
}

func readHandlers(runtime *sobek.Runtime, given sobek.Value) (handlers, error) {
	var read handlers
	if common.IsNullish(given) {
		return read, errors.New("an EventStream needs an object with opened(), event() or ended() as its second argument")
	}
	object := given.ToObject(runtime)
	for name, place := range map[string]*sobek.Callable{"opened": &read.opened, "event": &read.event, "ended": &read.ended} {
		value := object.Get(name)
		if common.IsNullish(value) {
			continue
		}
		callable, ok := sobek.AssertFunction(value)
		if !ok {
			return read, fmt.Errorf("%s of an EventStream has to be a function", name)
		}
		*place = callable
	}
	return read, nil
}

// Each stream has a connection of its own, by the dialer of the thread: it counts bytes, and knows --local-ips and blocked addresses.
func newTransport(state *lib.State) *http.Transport {
	transport := &http.Transport{
		DialContext:           state.Dialer.DialContext,
		Proxy:                 http.ProxyFromEnvironment,
		DisableKeepAlives:     true,
		DisableCompression:    true,
		ResponseHeaderTimeout: answerTimeout,
	}
	if state.TLSConfig != nil {
		transport.TLSClientConfig = state.TLSConfig.Clone()
		// Many streams in one connection of HTTP/2 would be other than many clients are.
		transport.TLSClientConfig.NextProtos = []string{"http/1.1"}
	}
	return transport
}
