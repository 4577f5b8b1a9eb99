package e2e

import (
	"net/http"
	"os"
	"testing"

	"unbrick/internal/browsertest"
)

// BenchmarkDelta runs the benchmarks of making and decoding deltas where the page does that: in the browser. Each
// is one pass over the project's own images, and over UNBRICK_OLD and UNBRICK_NEW if these name two.
func BenchmarkDelta(b *testing.B) {
	mux, env := http.NewServeMux(), map[string]string{}
	for _, name := range []string{"UNBRICK_OLD", "UNBRICK_NEW"} {
		if file := os.Getenv(name); file != "" {
			mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
			env[name] = "http://{host}/" + name
		}
	}
	b.Run("create", func(b *testing.B) {
		browsertest.Go(b, "unbrick/delta/diff", mux, env, "-test.run=-", "-test.bench=Create", "-test.benchtime=1x")
	})
	b.Run("decode", func(b *testing.B) {
		browsertest.Go(b, "unbrick/delta", http.NewServeMux(), nil, "-test.run=-", "-test.bench=Decode")
	})
}
