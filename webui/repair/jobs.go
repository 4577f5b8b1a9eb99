package repair

import (
	"slices"

	"unbrick/internal/pack"
	"unbrick/restore"
	"unbrick/webui/library"
	"unbrick/webui/state"
)

// jobsBlob holds the restorations that were begun and have not ended well.
const jobsBlob = "jobs"

// jobs are the restorations that were begun and have not ended well, one for each device, the last begun at
// the end. Beyond MaxJobs the one that was begun first is forgotten.
type jobs struct {
	list []state.PendingJob
	kept library.Slot
}

// keeping writes and reads what Restore keeps.
var keeping = pack.New(map[string]int{"text": state.MaxText, "jobs": state.MaxJobs, "worked": maxWorked})

// keptJobs is what is kept of them.
type keptJobs struct {
	All []state.PendingJob `max:"jobs"`
}

// of returns the job of a device; nil: it has none.
func (q *jobs) of(d *restore.Device) *state.PendingJob {
	if i := q.index(d.Model, d.Serial); i >= 0 {
		return &q.list[i]
	}
	return nil
}

func (q *jobs) index(model, serial string) int {
	return slices.IndexFunc(q.list, func(j state.PendingJob) bool { return j.Model == model && j.Serial == serial })
}

// last returns the job that was begun last; nil: there is none.
func (q *jobs) last() *state.PendingJob {
	if len(q.list) == 0 {
		return nil
	}
	return &q.list[len(q.list)-1]
}

// put takes a job in place of the one that its device had. keep stores what is known now; it is to be called off
// Run's goroutine.
func (q *jobs) put(j state.PendingJob) (keep func()) {
	q.list = slices.Clone(q.list)
	if i := q.index(j.Model, j.Serial); i >= 0 {
		q.list = slices.Delete(q.list, i, i+1)
	}
	q.list = append(q.list, j)
	q.list = q.list[max(0, len(q.list)-state.MaxJobs):]
	return q.save()
}

// drop forgets the job of a device. keep is as that of put; nil: it had none.
func (q *jobs) drop(model, serial string) (keep func()) {
	i := q.index(model, serial)
	if i < 0 {
		return nil
	}
	q.list = slices.Delete(slices.Clone(q.list), i, i+1)
	return q.save()
}

func (q *jobs) save() (keep func()) {
	return q.kept.Put(&keptJobs{q.list})
}

// pending is what is shown of them, the last begun first.
func (q *jobs) pending() []state.PendingJob {
	list := slices.Clone(q.list)
	slices.Reverse(list)
	return list
}
