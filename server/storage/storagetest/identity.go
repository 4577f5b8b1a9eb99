package storagetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"unbrick/server/storage"
)

func identity(serial string, key byte, at time.Time) storage.Identity {
	return storage.Identity{Model: "0001", Serial: serial, Public: storage.PublicKey{key}, State: storage.Enrolled, Since: at}
}

// testIdentities: one key is a device's, and none is that of two; what replaced one stays so until an operator says otherwise.
func testIdentities(t *testing.T, s *stand) {
	later := epoch.Add(time.Hour)
	one, two, second := identity("S-1", 1, epoch), identity("S-2", 2, epoch), identity("S-1", 3, later)
	is(t, errOf(s.Enrol(ctx, []storage.Identity{one})), storage.ErrNotFound)
	ok(t, s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte{1}, Updated: epoch}))
	equal(t, "new keys", must(s.Enrol(ctx, []storage.Identity{one, two}))(t), 2)
	s.reopen(t)
	has := func(serial string, want ...storage.Identity) {
		t.Helper()
		equal(t, "keys of "+serial, must(s.Identities(ctx, "0001", serial))(t), want)
	}
	has("S-1", one)
	has("S-2", two)
	has("S-3")

	again := one
	again.Since = later
	equal(t, "new keys", must(s.Enrol(ctx, []storage.Identity{again}))(t), 0)
	has("S-1", one)
	for what, wrong := range map[string]storage.Identity{"another key": second, "the key of another device": identity("S-3", 1, later)} {
		_, err := s.Enrol(ctx, []storage.Identity{identity("S-4", 4, later), wrong})
		is(t, err, storage.ErrConflict)
		if why, found := errors.AsType[*storage.KeyError](err); !found || why.Wanted != wrong || why.Other != one {
			t.Errorf("%s: %v", what, err)
		}
		has("S-4") // all or none
	}

	is(t, s.Rekey(ctx, identity("S-3", 3, later)), storage.ErrNotFound)
	is(t, s.Rekey(ctx, identity("S-1", 2, later)), storage.ErrConflict)
	has("S-1", one)
	ok(t, s.Rekey(ctx, second))
	barred := one
	barred.State, barred.Since = storage.Barred, later
	has("S-1", second, barred)
	is(t, errOf(s.Enrol(ctx, []storage.Identity{again})), storage.ErrConflict)
	ok(t, s.Rekey(ctx, again))
	second.State = storage.Barred
	has("S-1", again, second)

	ok(t, s.DeleteDevice(ctx, "0001", "S-1"))
	has("S-1")
	is(t, s.DeleteDevice(ctx, "0001", "S-1"), storage.ErrNotFound)
	ok(t, errOf(s.Enrol(ctx, []storage.Identity{one})))

	many := make([]storage.Identity, storage.MaxEnrolled+1)
	for i := range many {
		many[i] = identity(fmt.Sprintf("M-%06d", i), 9, later)
		many[i].Public[1], many[i].Public[2], many[i].Public[3] = byte(i), byte(i>>8), byte(i>>16)
	}
	is(t, errOf(s.Enrol(ctx, many)), storage.ErrTooMany)
	has("M-000000")
	equal(t, "new keys", must(s.Enrol(ctx, many[:storage.MaxEnrolled]))(t), storage.MaxEnrolled)
	has("M-099999", many[storage.MaxEnrolled-1])
}
