package sweep

import (
	"bytes"
	"context"
	"fmt"

	"unbrick/delta/diff"
	"unbrick/protocol/smp"
	"unbrick/release"
)

const unknown = 2 // in a picture, behind Old and New

// survey asks what the sectors hold, from sector first on.
func (h *host) survey(first int) {
	s := h.st.s
	n := s.software.Sectors()
	if first >= n {
		if h.surveyed != nil {
			h.surveyed()
			return
		}
		h.repair()
		return
	}
	count := min(n-first, smp.MaxDigests)
	h.request(&smp.DigestsRequest{First: uint32(first), Count: uint32(count)}, func(b []byte) {
		var d smp.Digests
		if !h.body(b, &d) {
			return
		}
		if len(d.Digests) != count*smp.DigestSize {
			h.fail(fmt.Errorf("%w: %d bytes of digests for %d sectors", ErrGaveUp, len(d.Digests), count))
			return
		}
		for i := range count {
			held := byte(unknown)
			digest := [smp.DigestSize]byte(d.Digests[i*smp.DigestSize:])
			if len(d.Doubtful) == 0 || d.Doubtful[i/8]>>(i%8)&1 == 0 {
				held = s.recognise(first+i, digest, h.want)
			}
			h.picture = append(h.picture, held)
		}
		h.survey(first + count)
	})
}

// recognise returns which image sector i holds; of two that are the same, want.
func (s *Subject) recognise(i int, digest [smp.DigestSize]byte, want Which) byte {
	for _, w := range []Which{want, 1 - want} {
		if s.digests[w][i] == digest {
			return byte(w)
		}
	}
	return unknown
}

// needs lists the sectors that a picture says must be written for image w.
func (s *Subject) needs(w Which, picture []byte) []int {
	var all []int
	for i := range s.goods[w].end {
		if picture[i] != byte(w) && (picture[i] == unknown || s.digests[Old][i] != s.digests[New][i]) {
			all = append(all, i)
		}
	}
	return all
}

// repairs makes the update files that lead from the picture to image w: one, or in parts two, the
// second of which starts where the first ends. Files are kept by what they start from.
func (s *Subject) repairs(w Which, picture []byte, parts bool) ([][]byte, error) {
	needed := s.needs(w, picture)
	groups := [][]int{nil} // all
	if parts {
		groups = [][]int{needed[:len(needed)/2], needed[len(needed)/2:]}
	}
	var files [][]byte
	now := bytes.Clone(picture)
	for _, only := range groups {
		if parts && len(only) == 0 {
			continue
		}
		file, err := s.repairFile(w, now, only)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
		for _, i := range only {
			now[i] = byte(w)
		}
	}
	return files, nil
}

// maxRepairs bounds the files that are kept.
const maxRepairs = 4096

func (s *Subject) repairFile(w Which, picture []byte, only []int) ([]byte, error) {
	key := fmt.Sprint(w, picture, only)
	s.mu.Lock()
	file, ok := s.files[key]
	s.mu.Unlock()
	if ok {
		return file, nil
	}
	n := s.software.Sectors()
	old := make([]byte, 0, s.software.Size())
	doubtful := make([]bool, n)
	for i := range n {
		addr, size := s.software.Sector(i)
		doubtful[i] = picture[i] == unknown
		old = append(old, s.cells(Which(picture[i]&1), addr, size)...)
	}
	o := diff.Options{Geometry: &s.software, Doubtful: doubtful, Resident: resident, Workspace: s.ram - fixedRAM}
	if only != nil {
		o.Only = make([]bool, n)
		for _, i := range only {
			o.Only[i] = true
		}
	}
	file, err := diff.Create(context.Background(), old, s.goods[w].image, &o)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) >= maxRepairs {
		clear(s.files)
	}
	s.files[key] = file
	return file, nil
}

// repair makes the files and brings them.
func (h *host) repair() {
	s := h.st.s
	files, err := s.repairs(h.want, h.picture, h.road == RoadParts)
	if err != nil {
		h.fail(err)
		return
	}
	if h.st.units != nil {
		h.st.units.know(files)
	}
	if h.road == RoadParts {
		h.leaves(s.needs(h.want, h.picture), func() { h.bring(files) })
		return
	}
	h.bring(files)
}

// leaves brings the leaf digests of the sectors, one sector in a request.
func (h *host) leaves(sectors []int, then func()) {
	if len(sectors) == 0 {
		then()
		return
	}
	g := h.goods()
	addr, size := h.st.s.software.Sector(sectors[0])
	first := addr / g.m.LeafSize
	var data []byte
	for i := first; i < (addr+size)/g.m.LeafSize; i++ {
		off, n := g.m.LeafRange(i)
		if n == 0 {
			break
		}
		leaf := release.Leaf(i, g.image[off:off+n])
		data = append(data, leaf[:]...)
	}
	var send func()
	send = func() {
		n := min(len(data), smp.MaxLeafData)
		q := smp.LeavesRequest{First: first, Data: data[:n]}
		first += uint32(n / smp.LeafDigest)
		data = data[n:]
		h.request(&q, func([]byte) {
			if len(data) > 0 {
				send()
				return
			}
			h.leaves(sectors[1:], then)
		})
	}
	send()
}
