package bench

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"
)

// Summary is what all rows together say. Ratios are ours to the smallest counted peer.
type Summary struct {
	Pairs       int                `json:"pairs"`
	LargeMean   float64            `json:"large_mean"` // geometric
	SmallMean   float64            `json:"small_mean"`
	FastMean    float64            `json:"fast_to_large,omitempty"` // bytes at less effort, to Large's
	LargeTotal  float64            `json:"large_total"`             // of the sums of bytes
	SmallTotal  float64            `json:"small_total"`
	LargeWorst  float64            `json:"large_worst"`
	SmallWorst  float64            `json:"small_worst"`
	WorstPair   string             `json:"worst_pair"`
	InPlace     map[string]float64 `json:"in_place,omitempty"`      // by stash: geometric mean to one large sector
	CPU         map[string]float64 `json:"cpu_s"`                   // by maker, seconds for all pairs
	CPURatio    map[string]float64 `json:"cpu_to_bsdiff,omitempty"` // by effort: geometric mean to bsdiff's
	Memory      map[string]int64   `json:"memory"`                  // by maker, most
	DecodeMean  float64            `json:"decode_mb_s"`             // geometric
	DecodeTotal float64            `json:"decode_total_mb_s"`       // bytes of all images by time
	DecodeLeast float64            `json:"decode_least_mb_s"`
}

// leastCPU is the shortest time, in seconds, that a system tells.
const leastCPU = 1e-3

// Sum makes the summary of rows. Ratios are not a number's place if no counted peer was there: they are 0.
func Sum(rows []Row) Summary {
	s := Summary{Pairs: len(rows), CPU: map[string]float64{}, Memory: map[string]int64{}}
	var large, small, fast, none, four, sixteen, decode, bestCPU, fastCPU mean
	var bytesLarge, bytesSmall, bytesBest, size, time float64
	count := func(maker string, c Cost) {
		s.CPU[maker] += c.CPU
		s.Memory[maker] = max(s.Memory[maker], c.Memory)
	}
	for _, r := range rows {
		for name, c := range r.Peers {
			count(name, c)
		}
		count("unbrick best", r.Large.Cost)
		bsdiff, timed := r.Peers["bsdiff"]
		if timed {
			bestCPU.add(r.Large.CPU / max(bsdiff.CPU, leastCPU))
		}
		if r.Best > 0 {
			l, m := ratio(r.Large.Bytes, r.Best), ratio(r.Small.Bytes, r.Best)
			large.add(l)
			small.add(m)
			if l > s.LargeWorst {
				s.LargeWorst, s.WorstPair = l, r.Name
			}
			s.SmallWorst = max(s.SmallWorst, m)
			bytesLarge += float64(r.Large.Bytes)
			bytesSmall += float64(r.Small.Bytes)
			bytesBest += float64(r.Best)
		}
		if r.Fast != nil {
			count("unbrick fast", r.Fast.Cost)
			fast.add(ratio(r.Fast.Bytes, r.Large.Bytes))
			if timed {
				fastCPU.add(r.Fast.CPU / max(bsdiff.CPU, leastCPU))
			}
		}
		if r.Whole != nil {
			none.add(ratio(r.NoStash.Bytes, r.Whole.Bytes))
			four.add(ratio(r.SmallStash.Bytes, r.Whole.Bytes))
			sixteen.add(ratio(r.Large.Bytes, r.Whole.Bytes))
		}
		size += float64(r.To)
		time += float64(r.To) / r.Decode
		decode.add(r.Decode)
		if s.DecodeLeast == 0 || r.Decode < s.DecodeLeast {
			s.DecodeLeast = r.Decode
		}
	}
	s.LargeMean, s.SmallMean, s.FastMean = large.value(), small.value(), fast.value()
	if bytesBest > 0 {
		s.LargeTotal, s.SmallTotal = bytesLarge/bytesBest, bytesSmall/bytesBest
	}
	if none.n > 0 {
		s.InPlace = map[string]float64{"0": none.value(), "4KiB": four.value(), "16KiB": sixteen.value()}
	}
	if bestCPU.n > 0 {
		s.CPURatio = map[string]float64{"best": bestCPU.value()}
	}
	if fastCPU.n > 0 {
		s.CPURatio["fast"] = fastCPU.value()
	}
	if time > 0 {
		s.DecodeMean, s.DecodeTotal = decode.value(), size/time
	}
	return s
}

// inPlace returns three cells: what building in place costs by stash. They are dashes if not measured.
func (r *Row) inPlace() string {
	if r.Whole == nil {
		return "-\t-\t-"
	}
	w := r.Whole.Bytes
	return fmt.Sprintf("%.3f\t%.3f\t%.3f", ratio(r.NoStash.Bytes, w), ratio(r.SmallStash.Bytes, w), ratio(r.Large.Bytes, w))
}

func (r *Row) fastCPU() string {
	if r.Fast == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", r.Fast.CPU)
}

func ratio(a, b int) float64 { return float64(a) / float64(max(b, 1)) }

// mean is a geometric mean.
type mean struct {
	logs float64
	n    int
}

func (m *mean) add(x float64) { m.logs, m.n = m.logs+math.Log(max(x, 1e-9)), m.n+1 }

func (m *mean) value() float64 {
	if m.n == 0 {
		return 0
	}
	return math.Exp(m.logs / float64(m.n))
}

// Print writes rows and their summary as tables for people.
func Print(w io.Writer, rows []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	names := map[string]bool{}
	for _, r := range rows {
		for name := range r.Peers {
			names[name] = true
		}
	}
	peers := slices.Sorted(maps.Keys(names))
	fmt.Fprint(t, "pair\tnew\t")
	for _, name := range peers {
		fmt.Fprintf(t, "%s\t", name)
	}
	fmt.Fprint(t, "<=64KiB\tratio\t<=16KiB\tratio\tset\tstate\tstash\terases\tin place 0\t4K\t16K\tMB/s\tCPU s\tMiB\tfast CPU s\t\n")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%d\t", r.Name, r.To)
		for _, name := range peers {
			fmt.Fprintf(t, "%d\t", r.Peers[name].Bytes)
		}
		fmt.Fprintf(t, "%d\t%.3f\t%d\t%.3f\t%s\t%d\t%d\t%d\t%s\t%.1f\t%.2f\t%.0f\t%s\t\n", r.Large.Bytes, ratio(r.Large.Bytes, r.Best),
			r.Small.Bytes, ratio(r.Small.Bytes, r.Best), r.Large.ISA, r.Large.State, r.Large.Stash, r.Large.Erases, r.inPlace(),
			r.Decode, r.Large.CPU, float64(r.Large.Memory)/(1<<20), r.fastCPU())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	s := Sum(rows)
	fmt.Fprintf(w, "\n%d pairs, to the smallest of bsdiff, xdelta3 and zstd:\n", s.Pairs)
	fmt.Fprintf(w, "  state <= 64 KiB  geometric mean %.4f, all bytes %.4f, worst %.3f (%s)\n", s.LargeMean, s.LargeTotal, s.LargeWorst, s.WorstPair)
	fmt.Fprintf(w, "  state <= 16 KiB  geometric mean %.4f, all bytes %.4f, worst %.3f\n", s.SmallMean, s.SmallTotal, s.SmallWorst)
	if s.InPlace != nil {
		fmt.Fprintf(w, "in place, to one sector as large as the image: stash 0 %.4f, 4 KiB %.4f, 16 KiB %.4f\n",
			s.InPlace["0"], s.InPlace["4KiB"], s.InPlace["16KiB"])
		fmt.Fprintf(w, "effort fast makes %.4f of the bytes of best\n", s.FastMean)
	}
	fmt.Fprintf(w, "decoding %.1f MB/s as geometric mean, %.1f all bytes, slowest %.1f\n", s.DecodeMean, s.DecodeTotal, s.DecodeLeast)
	if s.CPURatio != nil {
		fmt.Fprintf(w, "processor time of making, to bsdiff's, as geometric mean: best %.2f", s.CPURatio["best"])
		if r, ok := s.CPURatio["fast"]; ok {
			fmt.Fprintf(w, ", fast %.2f", r)
		}
		fmt.Fprintln(w)
	}
	makers := slices.SortedFunc(maps.Keys(s.CPU), func(a, b string) int { return cmp.Compare(s.CPU[a], s.CPU[b]) })
	for _, m := range makers {
		fmt.Fprintf(w, "  %-13s %7.2f s of processor, at most %.0f MiB\n", m, s.CPU[m], float64(s.Memory[m])/(1<<20))
	}
	return nil
}
