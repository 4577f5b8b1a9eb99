package offer

import (
	"context"
	"errors"

	"unbrick/server/storage"
)

// Old says of each of some update files whether no device asks for it any more: another creator would make it, or its model was described
// anew since.
func (o *Offers) Old(ctx context.Context, list []storage.File) ([]bool, error) {
	shapes, old := map[string]storage.Digest{}, make([]bool, len(list))
	for i := range list {
		k := &list[i].Key
		shape, known := shapes[k.Model]
		if !known {
			m, err := modelOf(ctx, o.cfg.Store, k.Model)
			if err == nil {
				shape = shapeOf(m)
			} else if !errors.Is(err, storage.ErrNotFound) {
				return nil, err
			}
			shapes[k.Model] = shape
		}
		old[i] = k.Shape != shape || k.Creator != creator && k.Creator != classicCreator
	}
	return old, nil
}
