package offer

import (
	"context"
	"errors"

	"unbrick/server/storage"
)

// Revoked says why a device must not get what it was offered any more, "" if it may. It looks at what operators decide
// and at what the server has proven, never at what somebody else says under this serial. A release that a newer one
// has superseded is still offered, and its transfer goes on.
func (o *Offers) Revoked(ctx context.Context, c *Choice, d *storage.Device) (why string, err error) {
	image := c.Target.Manifest.Digest
	r, err := o.cfg.Store.Release(ctx, d.Model, image)
	if errors.Is(err, storage.ErrNotFound) {
		return "the release was removed", nil
	} else if err != nil {
		return "", err
	}
	if r.State != storage.Offered {
		return "the release is " + r.State.String(), nil
	}
	if !r.Rollout.Reaches(d.Model, d.Serial, image, o.cfg.At(&r.Rollout)) {
		return "the rollout of the release does not reach the device", nil
	}
	if a := d.Attempt(image); a != nil && a.Held {
		return "the operator holds the release back from the device", nil
	}
	f, err := o.cfg.Store.FileByBlob(ctx, c.Info.Digest)
	if errors.Is(err, storage.ErrNotFound) || err == nil && f.State != storage.FileReady {
		return "the update file was withdrawn", nil
	} else if err != nil {
		return "", err
	}
	m, err := modelOf(ctx, o.cfg.Store, d.Model)
	if err != nil {
		return "", err
	}
	if shapeOf(m) != f.Key.Shape {
		return "the model was described anew", nil
	}
	return "", nil
}
