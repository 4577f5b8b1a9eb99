//go:build js && wasm

package worker

import (
	"context"
	"syscall/js"
	"time"

	"unbrick/wasm/await"

	"github.com/hack-pad/hackpadfs"
	"github.com/hack-pad/hackpadfs/indexeddb"
)

const (
	storeName  = "unbrick"
	storeLimit = 10 * time.Second // a database that another tab blocks is not waited for
)

// openStore opens the browser's own storage. A browser that refuses still restores: releases then come
// from the server.
func openStore(ctx context.Context) (fs hackpadfs.FS, kept bool) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	opened := make(chan hackpadfs.FS, 1)
	go func() {
		db, err := indexeddb.NewFS(context.WithoutCancel(ctx), storeName, indexeddb.Options{}) // keeps its context
		if err != nil {
			opened <- nil
			return
		}
		opened <- db
	}()
	var db hackpadfs.FS
	select {
	case db = <-opened:
	case <-ctx.Done():
	}
	if db == nil {
		return nil, false
	}
	storage := self.Get("navigator").Get("storage")
	if !storage.Truthy() {
		return db, false
	}
	v, err := await.Method(ctx, storage, "persisted") // only a page may ask for it: package page does
	return db, err == nil && v.Truthy()
}

// oneTab asks for the lock that only one tab of a browser holds, and keeps it for the worker's life. The
// channel says false while another tab has it, and true once we do; a browser without locks is trusted.
func oneTab() <-chan bool {
	mine := make(chan bool, 2)
	locks := self.Get("navigator").Get("locks")
	if !locks.Truthy() {
		mine <- true
		return mine
	}
	forever := self.Get("Promise").New(js.FuncOf(func(js.Value, []js.Value) any { return nil }))
	options := self.Get("Object").New()
	options.Set("ifAvailable", true)
	wait := js.FuncOf(func(js.Value, []js.Value) any {
		mine <- true
		return forever
	})
	try := js.FuncOf(func(_ js.Value, args []js.Value) any {
		if args[0].Truthy() {
			mine <- true
			return forever
		}
		mine <- false
		locks.Call("request", storeName, wait)
		return nil
	})
	locks.Call("request", storeName, options, try)
	return mine
}
