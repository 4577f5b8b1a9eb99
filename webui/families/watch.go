package families

import (
	"context"

	"unbrick/restore"
	"unbrick/restore/family"
	"unbrick/webui/state"
)

// unreadable are protections under which a flash cannot be read, or not as it is.
func unreadable(p family.Protection) bool {
	return p == family.SecureDownload || p == family.EncryptionDevelop || p == family.EncryptionRelease
}

// watch ends the visit when the cable comes out while nothing is asked. Who asks learns it by itself.
func (w *work) watch() {
	l, ok := w.v.Port.(restore.Leaver)
	if !ok || l.Gone() == w.watched {
		return
	}
	gone := l.Gone() // another one after a device has left the bus and come back
	w.watched = gone
	w.e.Go(func(ctx context.Context) func() {
		select {
		case <-gone:
			return func() {
				if _, idle := w.shown.(state.RestoreBoard); idle && !w.working && l.Gone() == gone {
					w.fail(&restore.Error{Code: restore.CodeVanished}, restore.StageIdentify)
				}
			}
		case <-ctx.Done():
			return nil
		}
	})
}
