package report

import (
	"fmt"
	"slices"
	"strings"

	"unbrick/lab/sweep"
)

// Size of the chart, in the units of its drawing.
const (
	chartWidth  = 600
	chartHeight = 150
	chartBins   = 60
)

// chart is how many bytes restorations needed, by the operation in which the power was cut.
type chart struct {
	Width, Height int
	Lines         []line
	Rows          []roadRow
	Top           string // what the upper edge stands for
	FullY         string // height of a full image
	Last          string // the last operation
	Summary       string
}

type line struct{ Class, Path string }

type roadRow struct{ Class, Words, Count, Median, Most, Share string }

var roadWords = map[sweep.Road]struct{ class, words string }{
	sweep.RoadFile:   {"file", "one update file, made from the flash as it is"},
	sweep.RoadParts:  {"parts", "digests first, then the update in parts"},
	sweep.RoadEngine: {"engine", "what the page does, over the virtual line"},
	sweep.RoadUpload: {"upload", "the whole release by plain SMP upload"},
}

var roadOrder = []sweep.Road{sweep.RoadEngine, sweep.RoadFile, sweep.RoadParts, sweep.RoadUpload}

// chartOf draws the restorations of r; nil if there were none.
func chartOf(r *sweep.Result) *chart {
	byRoad := make(map[sweep.Road][]sweep.Recovery)
	full, most, last := uint64(max(r.Full[sweep.Old], r.Full[sweep.New])), uint64(1), uint32(1)
	for _, x := range r.Recoveries {
		if road, _, ok := x.Act.Restoration(); ok && x.Bytes > 0 {
			byRoad[road] = append(byRoad[road], x)
			most, last = max(most, x.Bytes), max(last, x.Cut.Op)
		}
	}
	if len(byRoad) == 0 {
		return nil
	}
	most = max(most, full)
	c := &chart{Width: chartWidth, Height: chartHeight, Top: group(most) + " bytes", Last: group(uint64(last))}
	c.FullY = fmt.Sprintf("%.1f", y(full, most))
	var said []string
	for _, road := range roadOrder {
		list := byRoad[road]
		if len(list) == 0 {
			continue
		}
		w := roadWords[road]
		c.Lines = append(c.Lines, line{w.class, curve(list, last, most)})
		bytes := make([]uint64, len(list))
		for i := range list {
			bytes[i] = list[i].Bytes
		}
		slices.Sort(bytes)
		median := bytes[len(bytes)/2]
		share := fmt.Sprintf("%.1f %%", float64(median)*100/float64(max(full, 1)))
		c.Rows = append(c.Rows, roadRow{w.class, w.words, group(uint64(len(list))), group(median), group(bytes[len(bytes)-1]), share})
		said = append(said, w.words+": "+share+" of a full release in the middle")
	}
	c.Summary = "Bytes on the cable for each restoration, by the operation in which the power was cut. " + strings.Join(said, "; ") + "."
	return c
}

func y(v, most uint64) float64 {
	return chartHeight - 4 - float64(v)*(chartHeight-12)/float64(most)
}

// curve joins the medians of the bins, as steps.
func curve(list []sweep.Recovery, last uint32, most uint64) string {
	bins := make([][]uint64, chartBins)
	for _, x := range list {
		i := min(int(uint64(max(x.Cut.Op, 1)-1)*chartBins/uint64(last)), chartBins-1)
		bins[i] = append(bins[i], x.Bytes)
	}
	var b strings.Builder
	pen := "M"
	for i, bin := range bins {
		if len(bin) == 0 {
			continue // the line goes on at the next that has any
		}
		slices.Sort(bin)
		at := y(bin[len(bin)/2], most)
		const step = float64(chartWidth) / chartBins
		fmt.Fprintf(&b, "%s%.1f %.1fH%.1f", pen, float64(i)*step, at, float64(i+1)*step)
		pen = "L"
	}
	return b.String()
}
