//go:build linux

package webserial

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/chromedp/chromedp"
)

// udevLibrary is what the browser must link for the shim to come before it.
const udevLibrary = "libudev.so.1"

// browsers are the places where distributions keep the program itself; what is on PATH is mostly a
// script that changes environment and options.
var browsers = []string{
	"/usr/lib/chromium/chromium",
	"/usr/lib64/chromium-browser/chromium-browser",
	"/usr/lib/chromium-browser/chromium-browser",
	"/usr/lib64/chromium/chromium",
	"/usr/lib/chromium/chrome",
	"/opt/chromium.org/chromium/chromium",
	"/opt/google/chrome/chrome",
}

// findBrowser returns a Chromium that the shim fits: the one that CHROMIUM names, else the first found.
func findBrowser() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, fits(path)
	}
	places := slices.Clone(browsers)
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			if path, err = filepath.EvalSymlinks(path); err == nil {
				places = append(places, path)
			}
		}
	}
	var tried []error
	for _, path := range places {
		err := fits(path)
		if err == nil {
			return path, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			tried = append(tried, err)
		}
	}
	if len(tried) == 0 {
		return "", errors.New("no Chromium found: install the system's package, or name one in CHROMIUM")
	}
	return "", fmt.Errorf("no Chromium that fits: %w", errors.Join(tried...))
}

// fits checks that path is a program that links libudev dynamically.
func fits(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s is no program: %w", path, err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if !slices.Contains(libraries, udevLibrary) {
		return fmt.Errorf("%s does not link %s", path, udevLibrary)
	}
	return nil
}

// Options are what chromedp needs to start the browser on this bench, headless, with its profile in
// the folder profile. Options of the caller may follow.
func (b *Bench) Options(profile string) []chromedp.ExecAllocatorOption {
	return []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(b.browser),
		chromedp.UserDataDir(profile),
		chromedp.Env("LD_PRELOAD="+b.library, benchVariable+"="+b.dir),
		chromedp.Headless,
		chromedp.NoSandbox, // its processes could not reach the bench
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-sync", true),
	}
}

// grantTime is when the permission was given, in the browser's microseconds since 1601. Any past
// moment does.
const grantTime = "13380000000000000"

// Allow writes into a fresh profile that pages of origin ("http://127.0.0.1:8080") may use the
// adapters, as if a person had chosen them. The browser keeps such a permission only for adapters
// with USB numbers and a serial number; for others Allow fails.
func Allow(profile, origin string, adapters ...Adapter) error {
	chosen := make([]any, 0, len(adapters))
	for _, a := range adapters {
		if a.Vendor == 0 || a.Serial == "" {
			return fmt.Errorf("allow adapter %s: it has no USB numbers or no serial number", a.Name)
		}
		chosen = append(chosen, object{"name": a.Words, "vendor_id": a.Vendor, "product_id": a.Product, "serial_number": a.Serial})
	}
	text, err := json.Marshal(object{"profile": object{"content_settings": object{"exceptions": object{"serial_chooser_data": object{
		origin + ",*": object{"last_modified": grantTime, "setting": object{"chosen-objects": chosen}},
	}}}}})
	if err != nil {
		return fmt.Errorf("allow %s: %w", origin, err)
	}
	folder := filepath.Join(profile, "Default")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("allow %s: %w", origin, err)
	}
	return os.WriteFile(filepath.Join(folder, "Preferences"), text, 0o600)
}

type object map[string]any
