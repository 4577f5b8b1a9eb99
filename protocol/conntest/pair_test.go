package conntest_test

import (
	"testing"

	"unbrick/protocol"
	"unbrick/protocol/conntest"
)

func TestPair(t *testing.T) {
	conntest.Run(t, func(*testing.T) (client, server protocol.Conn) { return conntest.Pair() })
}
