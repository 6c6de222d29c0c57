package eventstream

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"time"
)

const (
	usualLineBytes = 4 << 10
	mostLineBytes  = 16 << 20
)

// One event of a stream.
type event struct {
	// "message" where the stream names none.
	name string
	data string
	// Of this event, or of the last one before it that had one.
	id string
	// When its end was read, in milliseconds since 1970.
	readAtMs float64
}

// readEvents reads an event stream (WHATWG HTML, 9.2.6) whose lines end in LF or CRLF, and gives each event to take, until that says
// false or the stream ends. An event that isn't complete by then is none.
func readEvents(body io.Reader, take func(event) bool) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, usualLineBytes), mostLineBytes)
	current := event{name: "message"}
	var data []string
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) > 0 {
			field, value, _ := bytes.Cut(line, []byte(":"))
			value = bytes.TrimPrefix(value, []byte(" "))
			switch string(field) {
			case "event":
				current.name = string(value)
			case "data":
				data = append(data, string(value))
			case "id":
				current.id = string(value)
			}
			continue
		}
		if len(data) > 0 {
			current.data = strings.Join(data, "\n")
			current.readAtMs = float64(time.Now().UnixMicro()) / 1_000
			if !take(current) {
				return nil
			}
		}
		current.name = "message"
		data = data[:0]
	}
	return lines.Err()
}
