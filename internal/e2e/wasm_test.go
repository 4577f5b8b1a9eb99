package e2e

import (
	"net/http"
	"testing"

	"unbrick/internal/browsertest"
)

// TestPackagesInTheBrowser runs the tests of packages that exist in a browser only where they run:
// compiled to WebAssembly, in a real browser.
func TestPackagesInTheBrowser(t *testing.T) {
	for _, pkg := range []string{"wasm/await", "wasm/fetch", "wasm/serial"} {
		t.Run(pkg, func(t *testing.T) {
			browsertest.Go(t, "unbrick/"+pkg, http.NewServeMux(), nil, "-test.short")
		})
	}
}
