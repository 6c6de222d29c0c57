// Command k6 is k6 with the extension k6/x/event-stream.
package main

import (
	_ "carillon.example/k6-event-stream"

	"go.k6.io/k6/cmd"
)

func main() {
	cmd.Execute()
}
