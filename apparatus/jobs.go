package apparatus

import (
	"slices"

	"unbrick/internal/cbor"
	"unbrick/release"
	"unbrick/restore"
)

// jobsBlob holds the restorations that were begun and have not ended well.
const jobsBlob = "jobs"

// job is the restoration of one device, stored before its first erase.
type job struct {
	model, serial, version string
	digest                 release.Digest
	erase                  bool // its settings too
}

// jobs are the restorations that were begun and have not ended well, one for each device, the last begun at
// the end. Beyond MaxJobs the one that was begun first is forgotten.
type jobs struct {
	list []job
	kept slot
}

// visitJobs carries all of them.
func visitJobs(c *codec, all *[]job) {
	c.fields(1)
	list(c, all, MaxJobs, func(j *job) {
		c.fields(5)
		c.text(&j.model, MaxText)
		c.text(&j.serial, MaxText)
		c.text(&j.version, MaxText)
		c.fixed(j.digest[:])
		c.flag(&j.erase)
	})
}

// recallJobs finds those that an earlier page or another tab has left.
func recallJobs(lib *library) []job {
	b, ok := lib.blob(jobsBlob)
	if !ok {
		return nil
	}
	var all []job
	c := &codec{r: cbor.NewReader(b)}
	visitJobs(c, &all)
	if c.r.Finish() != nil {
		lib.spoiled(jobsBlob)
		return nil
	}
	return all
}

// of returns the job of a device; nil: it has none.
func (q *jobs) of(d *restore.Device) *job {
	if i := q.index(d.Model, d.Serial); i >= 0 {
		return &q.list[i]
	}
	return nil
}

func (q *jobs) index(model, serial string) int {
	model, serial = clip(model, MaxText), clip(serial, MaxText) // as they are kept
	return slices.IndexFunc(q.list, func(j job) bool { return j.model == model && j.serial == serial })
}

// last returns the job that was begun last; nil: there is none.
func (q *jobs) last() *job {
	if len(q.list) == 0 {
		return nil
	}
	return &q.list[len(q.list)-1]
}

// put takes a job in place of the one that its device had. keep stores what is known now; it is to be called off
// Run's goroutine, and tells whether it is kept.
func (q *jobs) put(j job) (keep func() bool) {
	j.model, j.serial = clip(j.model, MaxText), clip(j.serial, MaxText)
	q.list = slices.DeleteFunc(slices.Clone(q.list), func(o job) bool { return o.model == j.model && o.serial == j.serial })
	q.list = append(q.list, j)
	q.list = q.list[max(0, len(q.list)-MaxJobs):]
	return q.save()
}

// drop forgets the job of a device. keep is as that of put; nil: it had none.
func (q *jobs) drop(model, serial string) (keep func() bool) {
	i := q.index(model, serial)
	if i < 0 {
		return nil
	}
	q.list = slices.Delete(slices.Clone(q.list), i, i+1)
	return q.save()
}

func (q *jobs) save() func() bool {
	all := q.list
	c := &codec{w: cbor.Appending(nil)}
	visitJobs(c, &all)
	b, err := c.w.Result()
	return q.kept.put(b, err == nil)
}

// pending is what is shown of them, the last begun first.
func (q *jobs) pending() (list []PendingJob) {
	for _, j := range slices.Backward(q.list) {
		list = append(list, PendingJob{Model: j.model, Serial: j.serial, Version: j.version, Digest: j.digest, Erase: j.erase})
	}
	return list
}
