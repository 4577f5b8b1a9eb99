//go:build js && wasm

package owner

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
	if !await.Get(self, "indexedDB").Truthy() {
		return nil, false // the package would panic
	}
	opened := make(chan hackpadfs.FS, 1)
	go func() {
		var db hackpadfs.FS
		defer func() {
			if e := recover(); e != nil { // it does so at what it does not know
				db = nil
			}
			opened <- db
		}()
		if fs, err := indexeddb.NewFS(context.WithoutCancel(ctx), storeName, indexeddb.Options{}); err == nil { // keeps its context
			db = fs
		}
	}()
	var db hackpadfs.FS
	select {
	case db = <-opened:
	case <-ctx.Done():
	}
	if db == nil {
		return nil, false
	}
	v, err := await.Method(ctx, await.Get(self.Get("navigator"), "storage"), "persisted") // only a page may ask for it: package page does
	return db, err == nil && v.Truthy()
}

// oneTab asks for the lock that only one tab of a browser holds, and keeps it for the worker's life. The
// channel says false while another tab has it, and true once we do; a browser without locks is trusted.
func oneTab() <-chan bool {
	mine := make(chan bool, 2)
	locks := await.Get(self.Get("navigator"), "locks")
	if !locks.Truthy() {
		mine <- true
		return mine
	}
	// A browser that keeps nothing for this page refuses a lock, too: there is nothing to share but the port, which
	// it gives to one tab only.
	request := func(args ...any) {
		promise, err := await.Call(locks, "request", args...)
		if err != nil {
			mine <- true
			return
		}
		await.Then(promise, func(_ js.Value, err error) {
			if err != nil {
				mine <- true
			}
		})
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
		request(storeName, wait)
		return nil
	})
	request(storeName, options, try)
	return mine
}
