package session

import (
	"context"
	"crypto/sha256"
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
	if v.offer.Info.Kind == protocol.KindNone || q.Digest != v.offer.Info.Digest {
		return v.gone(ctx)
	}
	if why, err := v.revoked(ctx); err != nil {
		return v.trouble(err)
	} else if why != "" {
		v.log.Info("request for what is offered no more", "why", why)
		return v.gone(ctx)
	}
	blob, err := v.s.cfg.Store.OpenBlob(ctx, q.Digest)
	if err != nil {
		return v.lost(ctx, q.Digest, err)
	}
	defer blob.Close()
	out, err := protocol.NewSender(v.offer.Info.Size, q)
	if err != nil {
		return fault(protocol.FaultSize, "%v", err)
	}
	v.sent.Store(q.Offset)
	v.size.Store(v.offer.Info.Size)
	if err := v.mark(storage.Receiving); err != nil {
		v.size.Store(0)
		return v.trouble(err)
	}
	err = v.stream(ctx, blob, &out, q)
	n := v.sent.Load() - q.Offset
	v.size.Store(0)
	v.s.cfg.Metrics.Sent.More(v.offer.Info.Kind.String(), v.proven(), float64(n))
	if err == nil {
		return v.delivered(q, n)
	}
	v.broken(q, n, err)
	var ended *orderlyEnd
	var taken *revokedError
	var unknown *lookupError
	switch {
	case errors.As(err, &ended):
		return nil
	case errors.As(err, &taken):
		return v.gone(ctx)
	case errors.As(err, &unknown): // it may ask again; a link that closes without a word says that the network failed
		v.log.Error("what the device may have cannot be looked up", "error", err)
		return v.gone(ctx)
	case errors.Is(err, storage.ErrDamaged):
		return v.lost(ctx, q.Digest, err)
	}
	return err
}

// gone answers a request, or ends a transfer, with new information.
func (v *session) gone(ctx context.Context) error {
	v.s.cfg.Metrics.Gone.Add(1)
	return v.inform(ctx, true)
}

// revokedError says why a transfer that began must not go on.
type revokedError struct{ why string }

func (e *revokedError) Error() string { return e.why }

// lookupError says that storage does not tell whether a transfer may go on.
type lookupError struct{ err error }

func (e *lookupError) Error() string { return e.err.Error() }
func (e *lookupError) Unwrap() error { return e.err }

// revoked says why the device must not get what it was offered any more, "" if it may.
func (v *session) revoked(ctx context.Context) (why string, err error) {
	d, err := v.known(ctx, true)
	if err != nil {
		return "", err
	}
	return v.s.cfg.Offers.Revoked(ctx, v.offer, &d)
}

// lost reacts to a file that was offered and cannot be read: a damaged or lost one is made anew, and the terminal is
// told what there is meanwhile.
func (v *session) lost(ctx context.Context, file storage.Digest, err error) error {
	if !errors.Is(err, storage.ErrDamaged) && !errors.Is(err, storage.ErrNotFound) {
		return v.trouble(err)
	}
	if err := v.s.cfg.Offers.Remake(ctx, file, err); err != nil {
		return v.trouble(err)
	}
	return v.gone(ctx)
}

// orderlyEnd says that the terminal itself ended a transfer and the session goes on.
type orderlyEnd struct{ fault protocol.Fault }

func (e *orderlyEnd) Error() string { return "terminal ended the transfer: " + e.fault.String() }

// stream sends the file against credit and waits for Done. What it sends it checks once more: the blob was whole when it
// was opened, and may be damaged since.
func (v *session) stream(ctx context.Context, blob storage.Blob, out *protocol.Sender, q *protocol.Request) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(blob, 0, int64(q.Offset))); err != nil {
		return fmt.Errorf("read update file: %w: %w", storage.ErrDamaged, err)
	}
	chunk := make([]byte, protocol.MaxData)
	granted := uint32(0)
	for !out.Finished() {
		for offset, n := out.Next(); n > 0; offset, n = out.Next() {
			if err := v.permitted(ctx); err != nil {
				v.owe(q, granted)
				return err
			}
			if _, err := blob.ReadAt(chunk[:n], int64(offset)); err != nil && !(errors.Is(err, io.EOF) && offset+uint32(n) == v.size.Load()) {
				v.owe(q, granted)
				return fmt.Errorf("read update file: %w: %w", storage.ErrDamaged, err)
			}
			sum.Write(chunk[:n])
			if err := v.send(&protocol.Data{Offset: offset, Bytes: chunk[:n]}); err != nil {
				return err
			}
			v.sent.Add(uint32(n))
		}
		if out.Finished() {
			break
		}
		m, err := v.next(ctx, v.s.cfg.Limits.Answer, true)
		if errors.Is(err, errChanged) {
			if err := v.check(ctx); err != nil {
				v.owe(q, granted)
				return err
			}
			continue
		}
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
		granted += credit.Bytes
	}
	// What End confirms is installed: the last moment to say otherwise.
	err := v.permitted(ctx)
	if err == nil && storage.Digest(sum.Sum(nil)) != q.Digest {
		err = fmt.Errorf("update file: %w", storage.ErrDamaged)
	}
	if err != nil {
		v.owe(q, granted)
		return err
	}
	if err := v.send(&protocol.End{Size: v.offer.Info.Size, Digest: q.Digest}); err != nil {
		return err
	}
	for {
		m, err := v.next(ctx, v.s.cfg.Limits.Answer, true)
		if errors.Is(err, errChanged) {
			continue // the terminal has the whole file
		}
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

// permitted looks at what the device may have, if that has changed.
func (v *session) permitted(ctx context.Context) error {
	select {
	case <-v.changed:
		return v.check(ctx)
	default:
		return nil
	}
}

// check is revoked as an error.
func (v *session) check(ctx context.Context) error {
	why, err := v.revoked(ctx)
	switch {
	case err != nil:
		return &lookupError{err}
	case why != "":
		return &revokedError{why}
	}
	return nil
}

// owe notes how much credit may still come for a transfer that is about to end with Gone: the terminal grants what it has
// stored before it reads that.
func (v *session) owe(q *protocol.Request, granted uint32) {
	v.stray = v.sent.Load() - q.Offset
	v.stray -= min(v.stray, granted)
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

// mark saves a state of the device that a transfer brings about, with its events. One to a stranger changes nothing.
func (v *session) mark(state storage.DeviceState, events ...storage.Event) error {
	if !v.proven() {
		return nil
	}
	c := v.offer
	for i := range events {
		events[i].At = v.s.cfg.Now()
	}
	_, err := v.s.cfg.Fleet.Change(v.s.ctx, v.id, func(d *storage.Device) ([]storage.Event, error) {
		if d.Revision == 0 {
			return nil, storage.ErrNotFound // an operator has forgotten the device meanwhile
		}
		now := v.s.cfg.Now()
		switch state {
		case storage.Receiving, storage.Rewriting:
			d.Target, d.TargetVersion, d.File = c.Target.Manifest.Digest, c.Version(), c.Info.Digest
			if state == storage.Rewriting {
				d.Report = storage.Digest{} // from now on an equal report tells of another rewrite
			}
		case storage.Running:
			if d.State != storage.Receiving || v.s.cfg.Live.transfers(v.id, v) {
				return events, nil // another session under this serial has brought it further
			}
			d.Target, d.TargetVersion = storage.Digest{}, ""
		case storage.NeedsCable, storage.HeldBack, storage.Restoration:
		}
		d.LastSeen = now
		d.Settle(state, now)
		return events, nil
	})
	if err != nil {
		v.log.Error("record transfer", "error", err)
	}
	return err
}

// delivered records that the terminal has the whole file.
func (v *session) delivered(q *protocol.Request, n uint32) error {
	v.log.Info("update file sent", "step", "S10", "element", 216, "file", release.ShortHex(q.Digest), "bytes", n, "offset", q.Offset)
	v.s.cfg.Metrics.Transfers.Add("done", v.proven())
	err := v.mark(storage.Rewriting, storage.Event{Kind: storage.Transferred, Source: storage.ByServer, From: v.hello.Release,
		To: v.offer.Version(), File: q.Digest, Bytes: uint64(n),
		Detail: storage.Detail(map[string]any{"kind": v.offer.Info.Kind.String(), "size": v.offer.Info.Size, "offset": q.Offset,
			"workspace": v.offer.Info.Workspace})})
	if err != nil && !noRoom(err) { // without room it goes on: the device has the file, and its next session tells what came of it
		return fault(protocol.FaultInternal, "the server cannot store this session")
	}
	return nil
}

// broken records a transfer that did not reach its end. What became of the device is for the session to say that
// transfers to it now, if there is another.
func (v *session) broken(q *protocol.Request, n uint32, why error) {
	v.log.Info("transfer broken off", "step", "S10", "element", 216, "file", release.ShortHex(q.Digest), "bytes", n, "error", why)
	v.s.cfg.Metrics.Transfers.Add("broken", v.proven())
	detail := map[string]any{"size": v.offer.Info.Size, "offset": q.Offset, "sent": q.Offset + n}
	if taken, is := errors.AsType[*revokedError](why); is {
		detail["why"] = taken.why
	}
	v.mark(storage.Running, storage.Event{Kind: storage.Broken, Source: storage.ByServer, From: v.hello.Release, To: v.offer.Version(),
		File: q.Digest, Bytes: uint64(n), Detail: storage.Detail(detail)})
}
