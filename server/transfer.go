package server

import (
	"context"
	"errors"
	"fmt"
	"io"

	"unbrick/protocol"
	"unbrick/release"
	"unbrick/server/storage"
)

// transfer answers one request (215, 216): exactly the update file of that digest from the offset on, or Gone
// with new information. It returns nil when the session goes on, also after the terminal broke the transfer off in
// an orderly way.
func (v *session) transfer(ctx context.Context, q *protocol.Request) error {
	v.log.Info("transfer request", "step", "S09", "element", 215, "file", release.ShortHex(q.Digest), "offset", q.Offset, "credit", q.Credit)
	if v.offer.info.Kind == protocol.KindNone || q.Digest != v.offer.info.Digest {
		v.s.metrics.gone.Add(1)
		return v.inform(ctx, true)
	}
	blob, err := v.s.store.OpenBlob(ctx, q.Digest)
	if err != nil {
		return v.lost(ctx, q.Digest, err)
	}
	defer blob.Close()
	out, err := protocol.NewSender(v.offer.info.Size, q)
	if err != nil {
		return fault(protocol.FaultSize, "%v", err)
	}
	if err := v.mark(storage.Receiving, nil); err != nil {
		return fault(protocol.FaultInternal, "the server cannot store this session")
	}
	v.sent.Store(q.Offset)
	v.size.Store(v.offer.info.Size)
	err = v.stream(ctx, blob, &out, q)
	n := v.sent.Load() - q.Offset
	v.size.Store(0)
	v.s.metrics.sent.add(v.offer.info.Kind.String(), uint64(n))
	if err == nil {
		return v.delivered(q, n)
	}
	v.broken(q, n, err)
	var refused *orderlyEnd
	if errors.As(err, &refused) {
		return nil
	}
	return err
}

// lost reacts to a file that was offered and cannot be read: a damaged or lost one is withdrawn, so that another
// way is chosen, and the terminal is told.
func (v *session) lost(ctx context.Context, file storage.Digest, err error) error {
	if !errors.Is(err, storage.ErrDamaged) && !errors.Is(err, storage.ErrNotFound) {
		return v.trouble(err)
	}
	v.log.Error("update file is lost", "file", release.ShortHex(file), "error", err)
	if err := v.s.store.WithdrawFile(ctx, file); err != nil {
		return v.trouble(err)
	}
	v.s.metrics.gone.Add(1)
	return v.inform(ctx, true)
}

// orderlyEnd says that the terminal itself ended a transfer and the session goes on.
type orderlyEnd struct{ fault protocol.Fault }

func (e *orderlyEnd) Error() string { return "terminal ended the transfer: " + e.fault.String() }

// stream sends the file against credit and waits for Done.
func (v *session) stream(ctx context.Context, blob storage.Blob, out *protocol.Sender, q *protocol.Request) error {
	chunk := make([]byte, protocol.MaxData)
	for !out.Finished() {
		for offset, n := out.Next(); n > 0; offset, n = out.Next() {
			if _, err := blob.ReadAt(chunk[:n], int64(offset)); err != nil && !(errors.Is(err, io.EOF) && offset+uint32(n) == v.size.Load()) {
				return fmt.Errorf("read update file: %w", err)
			}
			if err := v.send(&protocol.Data{Offset: offset, Bytes: chunk[:n]}); err != nil {
				return err
			}
			v.sent.Add(uint32(n))
		}
		if out.Finished() {
			break
		}
		m, err := v.next(ctx, true)
		if err != nil {
			return err
		}
		credit, ok := m.(*protocol.Credit)
		if !ok {
			return v.interrupted(m)
		}
		if err := out.Grant(credit); err != nil {
			return fault(protocol.FaultCredit, "%v", err)
		}
	}
	if err := v.send(&protocol.End{Size: v.offer.info.Size, Digest: q.Digest}); err != nil {
		return err
	}
	for {
		m, err := v.next(ctx, true)
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *protocol.Credit: // for bytes that were stored after the last was sent
			if err := out.Grant(m); err != nil {
				return fault(protocol.FaultCredit, "%v", err)
			}
		case *protocol.Done:
			if m.Digest != q.Digest {
				return fault(protocol.FaultDigest, "done with another file than was sent")
			}
			return nil
		default:
			return v.interrupted(m)
		}
	}
}

// interrupted handles what may come instead of Credit and Done: the terminal gives up and says why.
func (v *session) interrupted(m protocol.Message) error {
	switch m := m.(type) {
	case *protocol.Error:
		v.refusal(m)
		return &orderlyEnd{m.Fault}
	case *protocol.Bye:
		v.send(&protocol.Bye{})
		return io.EOF
	default:
		return fault(protocol.FaultUnexpected, "%s during a transfer", m.Code())
	}
}

// mark saves a state of the device that a transfer brings about, with an event if there is one.
func (v *session) mark(state storage.DeviceState, event *storage.Event) error {
	c := v.offer
	_, err := v.s.change(v.s.ctx, v.id, func(d *storage.Device) ([]storage.Event, error) {
		now := v.s.now()
		d.LastSeen = now
		settle(d, state, now)
		switch state {
		case storage.Receiving, storage.Rewriting:
			d.Target, d.TargetVersion, d.File = c.target.Manifest.Digest, c.version(), c.info.Digest
			if state == storage.Rewriting {
				d.Report = storage.Digest{} // from now on an equal report tells of another rewrite
			}
		case storage.Running:
			d.Target, d.TargetVersion = storage.Digest{}, ""
		case storage.NeedsCable, storage.HeldBack, storage.Restoration:
		}
		if event == nil {
			return nil, nil
		}
		event.At = now
		return []storage.Event{*event}, nil
	})
	if err != nil {
		v.log.Error("record transfer", "error", err)
	}
	return err
}

// delivered records that the terminal has the whole file.
func (v *session) delivered(q *protocol.Request, n uint32) error {
	v.log.Info("update file sent", "step", "S10", "element", 216, "file", release.ShortHex(q.Digest), "bytes", n, "offset", q.Offset)
	v.s.metrics.transfers.add("done")
	err := v.mark(storage.Rewriting, &storage.Event{Kind: storage.Transferred, Source: storage.ByServer, From: v.hello.Release, To: v.offer.version(), File: q.Digest, Bytes: uint64(n),
		Detail: detailOf(map[string]any{"kind": v.offer.info.Kind.String(), "size": v.offer.info.Size, "offset": q.Offset, "workspace": v.offer.info.Workspace})})
	if err != nil {
		return fault(protocol.FaultInternal, "the server cannot store this session")
	}
	return nil
}

// broken records a transfer that did not reach its end. A newer session of the same device has its own word.
func (v *session) broken(q *protocol.Request, n uint32, why error) {
	v.log.Info("transfer broken off", "step", "S10", "element", 216, "file", release.ShortHex(q.Digest), "bytes", n, "error", why)
	v.s.metrics.transfers.add("broken")
	if !v.s.live.current(v) {
		return
	}
	v.mark(storage.Running, &storage.Event{Kind: storage.Broken, Source: storage.ByServer, From: v.hello.Release, To: v.offer.version(), File: q.Digest, Bytes: uint64(n),
		Detail: detailOf(map[string]any{"size": v.offer.info.Size, "offset": q.Offset, "sent": q.Offset + n})})
}
