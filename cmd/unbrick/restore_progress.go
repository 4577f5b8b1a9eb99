package main

import (
	"fmt"
	"strings"
	"time"

	"unbrick/restore"
)

// How often progress is shown.
const (
	barEvery  = 100 * time.Millisecond
	lineEvery = time.Second
	barWidth  = 30
)

// progressLine is one line of progress of --json.
type progressLine struct {
	Stage     string   `json:"stage"`
	Sectors   int      `json:"sectors"`
	Of        int      `json:"of"`
	Bytes     uint64   `json:"bytes"`
	BytesOf   uint64   `json:"bytes_of"`
	Elapsed   float64  `json:"elapsed"`
	Remaining *float64 `json:"remaining,omitempty"` // seconds
}

// progress shows where a restoration is: a bar on a terminal, lines with --json, nothing else.
func (r *restoration) progress(p restore.Progress) {
	left := r.meter.Tell(&p)
	every := lineEvery
	if r.bar {
		every = barEvery
	}
	if !r.bar && !r.json || p.Elapsed-r.lastLine < every && r.lastLine != 0 {
		return
	}
	r.lastLine = p.Elapsed
	if r.json {
		line := progressLine{Stage: p.Stage.String(), Sectors: p.Sectors, Of: p.Of, Bytes: p.Bytes, BytesOf: p.BytesOf,
			Elapsed: p.Elapsed.Seconds()}
		if left.Known {
			line.Remaining = new(left.Time.Seconds())
		}
		printJSON(r.out, line)
		return
	}
	words := ""
	if left.Known {
		words = left.Words().String()
	}
	full := int(float64(barWidth) * float64(p.Work) / float64(max(p.WorkOf, 1)))
	fmt.Fprintf(r.out, "\r%-8s [%s%s] %d of %d sectors  %-30s", p.Stage, strings.Repeat("#", full), strings.Repeat(".", barWidth-full),
		p.Sectors, p.Of, words)
}

func (r *restoration) endBar() {
	if r.bar && r.lastLine != 0 {
		fmt.Fprint(r.out, "\r"+strings.Repeat(" ", barWidth+70)+"\r")
		r.lastLine = 0
	}
}
