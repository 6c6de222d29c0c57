package eventstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/grafana/sobek"
	"github.com/mstoykov/k6-taskqueue-lib/taskqueue"
)

// How many events may wait for a busy thread; then nothing more is read from the connection.
const mostWaiting = 1_024

// One answer that is read while it comes. Handlers are called on the event loop alone, in the order of events; none after close, and
// nothing after ended.
type stream struct {
	runtime  *sobek.Runtime
	handlers handlers
	cancel   context.CancelFunc
	tasks    *taskqueue.TaskQueue
	// Told when what waited was taken.
	room chan struct{}
	// Only used on the event loop.
	isClosed bool

	lock    sync.Mutex
	waiting []event
}

// close ends it; the script is told nothing more. Called on the event loop.
func (s *stream) close() {
	s.isClosed = true
	s.cancel()
	s.tasks.Close()
}

// run fetches the answer and reads it to its end.
func (s *stream) run(transport http.RoundTripper, request *http.Request) {
	defer s.cancel()
	defer s.tasks.Close()
	// No cookies and no redirects: the answer is what the address itself says.
	response, err := transport.RoundTrip(request)
	if err != nil {
		s.tell(s.handlers.ended, 0, err.Error())
		return
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		s.tell(s.handlers.ended, response.StatusCode, fmt.Sprintf("answered %s", response.Status))
		return
	}
	s.tell(s.handlers.opened)
	reason := "the answer was over"
	err = readEvents(response.Body, func(read event) bool { return s.push(request.Context(), read) })
	if err != nil && !errors.Is(err, context.Canceled) {
		reason = err.Error()
	}
	s.tell(s.handlers.ended, response.StatusCode, reason)
}

// push hands an event over, and waits while too many are there already. False when the stream was closed meanwhile.
func (s *stream) push(ctx context.Context, read event) bool {
	for {
		s.lock.Lock()
		count := len(s.waiting)
		if count < mostWaiting {
			s.waiting = append(s.waiting, read)
		}
		s.lock.Unlock()
		if count == 0 {
			s.tasks.Queue(s.hand)
		}
		if count < mostWaiting {
			return true
		}
		select {
		case <-s.room:
		case <-ctx.Done():
			return false
		}
	}
}

// hand gives the script all that waits: one visit of the event loop for many events.
func (s *stream) hand() error {
	s.lock.Lock()
	taken := s.waiting
	s.waiting = nil
	s.lock.Unlock()
	select {
	case s.room <- struct{}{}:
	default:
	}
	for _, each := range taken {
		if err := s.call(s.handlers.event, each.name, each.data, each.id, each.readAtMs); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) tell(handler sobek.Callable, values ...any) {
	s.tasks.Queue(func() error { return s.call(handler, values...) })
}

func (s *stream) call(handler sobek.Callable, values ...any) error {
	if s.isClosed || handler == nil {
		return nil
	}
	arguments := make([]sobek.Value, len(values))
	for index, value := range values {
		arguments[index] = s.runtime.ToValue(value)
	}
	_, err := handler(sobek.Undefined(), arguments...)
	return err
}
