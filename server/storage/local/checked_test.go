package local

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"unbrick/server/storage"
)

// TestCheckedOnce: a file is read whole when it is opened first, after it was touched in any way, and after an hour; not for each client.
func TestCheckedOnce(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b, err := openBlobs(dir)
		if err != nil {
			t.Fatal(err)
		}
		content := []byte("an image that was right when it came")
		d := storage.Digest(sha256.Sum256(content))
		if err := b.put(content, d); err != nil {
			t.Fatal(err)
		}
		path, long := b.path(d), time.Now().Add(-time.Hour)
		date := func(when time.Time) {
			t.Helper()
			if err := os.Chtimes(path, when, when); err != nil {
				t.Fatal(err)
			}
		}
		write := func(p []byte) {
			t.Helper()
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt(p, 0); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
		opens := func(want error) {
			t.Helper()
			f, err := b.open(t.Context(), d)
			if !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
			if err == nil {
				f.Close()
			}
		}
		date(long)
		opens(nil)
		write([]byte("AN"))
		date(long)
		opens(nil) // nothing shows it, and it was read just now
		time.Sleep(checkAgain)
		opens(storage.ErrDamaged)
		write([]byte("an"))
		date(long)
		opens(nil)
		write([]byte("AN")) // shows in its time
		opens(storage.ErrDamaged)
		write([]byte("an"))
		date(time.Now().Add(-settled / 2)) // so fresh that another change may not show
		opens(nil)
		write([]byte("AN"))
		date(time.Now().Add(-settled / 2))
		opens(storage.ErrDamaged)
		if err := b.put(content, d); err != nil { // heals
			t.Fatal(err)
		}
		date(long)
		opens(nil)
		other := path + partSuffix
		if err := os.WriteFile(other, []byte("An image that was right when it came"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(other, path); err != nil {
			t.Fatal(err)
		}
		date(long)
		opens(storage.ErrDamaged) // another file of the same size and time
	})
}

// TestCheckingIsBounded: whoever waits for others to read leaves when its time is over.
func TestCheckingIsBounded(t *testing.T) {
	b, err := openBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d := storage.Digest(sha256.Sum256([]byte("x")))
	if err := b.put([]byte("x"), d); err != nil {
		t.Fatal(err)
	}
	for range cap(b.seen.reading) {
		b.seen.reading <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.open(ctx, d); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
