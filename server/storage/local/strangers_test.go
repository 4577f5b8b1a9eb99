package local

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"unbrick/server/storage"
)

// TestStrangersAreBounded: of all that ever spoke those are kept that spoke last.
func TestStrangersAreBounded(t *testing.T) {
	ctx := context.Background()
	s := reopen(t, t.TempDir(), nil)
	if err := s.PutModel(ctx, storage.Model{ID: "0001", Record: []byte("record")}); err != nil {
		t.Fatal(err)
	}
	// Each of its own address, all in one step.
	err := s.quietly(ctx, "invent strangers", func(tx *sql.Tx) error {
		for i := range storage.MaxStrangers {
			_, err := tx.Exec(`INSERT INTO strangers (model, serial, public, holds, standing, name, address, first, last, sessions, claim)
				VALUES ('0001', ?, x'', 0, 7, '', ?, 1, 1, 1, '{}')`, fmt.Sprint("S-", i), fmt.Sprint("address ", i))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		v := storage.Stranger{Model: "0001", Serial: fmt.Sprint("NEW-", i), Standing: storage.Unsigned, Address: "another", Last: time.Unix(1, 0)}
		if err := s.SeeStranger(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := s.CountStrangers(ctx)
	if err != nil || len(counts) != 1 || counts[0].Number != storage.MaxStrangers {
		t.Errorf("%+v, %v", counts, err)
	}
	for serial, want := range map[string]int{"S-2": 0, "S-3": 1, "NEW-2": 1} {
		if list, err := s.Strangers(ctx, storage.StrangerQuery{Serial: serial}, 0, 10); err != nil || len(list) != want {
			t.Errorf("%s: %+v, %v", serial, list, err)
		}
	}
}
