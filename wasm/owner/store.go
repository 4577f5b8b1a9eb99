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
func openStore(ctx context.Context) hackpadfs.FS {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	if !await.Get(self, "indexedDB").Truthy() {
		return nil // the package would panic
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
	select {
	case db := <-opened:
		return db
	case <-ctx.Done():
		return nil
	}
}

// oneTab is the lock that only one tab of a browser holds, which static/worker.js has asked for while the program was compiled, and which
// is kept for the worker's life. The channel says false while another tab has it, and true once we do; a browser without locks, or that
// keeps nothing for this page and refuses one, is trusted: there is nothing to share but the port, which it gives to one tab only.
func oneTab() <-chan bool {
	mine := make(chan bool, 2)
	await.Then(self.Get("tab"), func(has js.Value, _ error) {
		mine <- has.Bool()
		if has.Bool() {
			return
		}
		self.Call("waitForTab", js.FuncOf(func(js.Value, []js.Value) any {
			mine <- true
			return nil
		}))
	})
	return mine
}
