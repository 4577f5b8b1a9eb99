package storagetest

import (
	"fmt"
	"testing"
	"time"

	"unbrick/server/storage"
)

func stranger(serial string, key byte, s storage.Standing, at time.Time) storage.Stranger {
	return storage.Stranger{Model: "0001", Serial: serial, Key: storage.PublicKey{key}, Standing: s, Address: "192.0.2.1", First: at, Last: at,
		Sessions: 1, Claim: storage.Claim{Version: "1", Kinds: []string{"delta"}}}
}

// testStrangers: who was not proven is kept, newest first, each once, and never more of them than there may be.
func testStrangers(t *testing.T, s *stand) {
	all := storage.StrangerQuery{}
	list := func(q storage.StrangerQuery, want ...storage.Stranger) {
		t.Helper()
		got := must(s.Strangers(ctx, q, 0, storage.MaxPage))(t)
		for i := range got {
			if i > 0 && got[i].ID >= got[i-1].ID {
				t.Errorf("ID %d behind %d", got[i].ID, got[i-1].ID)
			}
		}
		for i := range got {
			got[i].ID = 0
		}
		equal(t, "strangers", got, want)
	}
	later := epoch.Add(time.Hour)
	one, two := stranger("S-1", 1, storage.Pending, epoch), stranger("S-2", 2, storage.Unsigned, epoch)
	is(t, s.SeeStranger(ctx, one), storage.ErrNotFound)
	ok(t, s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte{1}, Updated: epoch}))
	ok(t, s.PutModel(ctx, storage.Model{ID: "0002", Record: []byte{1}, Updated: epoch}))
	ok(t, s.SeeStranger(ctx, one))
	ok(t, s.SeeStranger(ctx, two))
	s.reopen(t)
	list(all, two, one)

	// It speaks again, and is the newest. Another who only names its key is another.
	one.Last, one.Standing, one.Claim.Version, one.Failed = later, storage.SecondKey, "2", storage.Digest{7}
	ok(t, s.SeeStranger(ctx, one))
	one.First, one.Sessions = epoch, 2
	liar := stranger("S-1", 1, storage.Forged, later)
	ok(t, s.SeeStranger(ctx, liar))
	list(all, liar, one, two)
	list(storage.StrangerQuery{Serial: "S-1"}, liar, one)
	list(storage.StrangerQuery{Search: "s-"}, liar, one, two)
	list(storage.StrangerQuery{Search: "-2"}, two)
	list(storage.StrangerQuery{Standing: storage.SecondKey}, one)
	list(storage.StrangerQuery{Models: []string{"0002"}})
	equal(t, "failed", must(s.StrangersFailed(ctx, "0001", storage.Digest{7}))(t), 1)
	equal(t, "failed", must(s.StrangersFailed(ctx, "0002", storage.Digest{7}))(t), 0)
	equal(t, "failed", must(s.StrangersFailed(ctx, "0001", storage.Digest{}))(t), 0)
	page := must(s.Strangers(ctx, all, 0, 1))(t)
	if next := must(s.Strangers(ctx, all, page[0].ID, 1))(t); len(next) != 1 || next[0].Key != one.Key || next[0].Standing != one.Standing {
		t.Errorf("the second page is %+v", next)
	}
	equal(t, "counts", must(s.CountStrangers(ctx))(t), []storage.StrangerCount{{Model: "0001", Standing: storage.SecondKey, Number: 1},
		{Model: "0001", Standing: storage.Forged, Number: 1}, {Model: "0001", Standing: storage.Unsigned, Number: 1}})

	// Whose key is enrolled, or takes another's place, is no stranger; who only named it stays one.
	ok(t, errOf(s.Enrol(ctx, []storage.Identity{identity("S-1", 1, later)})))
	list(all, liar, two)
	ok(t, s.SeeStranger(ctx, stranger("S-1", 3, storage.SecondKey, later)))
	ok(t, s.Rekey(ctx, identity("S-1", 3, later)))
	list(all, liar, two)

	for i := range storage.MaxFromAddress + 1 { // of another address
		v := stranger(fmt.Sprintf("A-%d", i), 9, storage.Pending, later)
		v.Address = "192.0.2.2"
		ok(t, s.SeeStranger(ctx, v))
	}
	if n := len(must(s.Strangers(ctx, all, 0, storage.MaxPage))(t)); n != storage.MaxFromAddress+2 {
		t.Errorf("%d strangers, want %d of one address and 2", n, storage.MaxFromAddress)
	}
	list(storage.StrangerQuery{Serial: "A-0"})
	equal(t, "removed", must(s.RemoveStrangers(ctx, "0001", "S-2"))(t), 1)
	equal(t, "removed", must(s.RemoveStrangers(ctx, "0002", ""))(t), 0)
	equal(t, "removed", must(s.RemoveStrangers(ctx, "0001", ""))(t), storage.MaxFromAddress+1)
	list(all)
}

// testEnrolment: how devices of a model are enrolled stays when its record is replaced.
func testEnrolment(t *testing.T, s *stand) {
	is(t, s.SetEnrolment(ctx, "0001", storage.ByFirst), storage.ErrNotFound)
	m := storage.Model{ID: "0001", Record: []byte{1}, Updated: epoch, Enrolment: storage.ByFirst}
	ok(t, s.PutModel(ctx, m))
	equal(t, "enrolment of a new model", must(s.Model(ctx, "0001"))(t).Enrolment, storage.ByApproval)
	ok(t, s.SetEnrolment(ctx, "0001", storage.ByList))
	ok(t, s.PutModel(ctx, m))
	s.reopen(t)
	equal(t, "enrolment", must(s.Model(ctx, "0001"))(t).Enrolment, storage.ByList)
}
