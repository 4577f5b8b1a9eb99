package labwork

import "unbrick/webui/state"

// Steps of the specification that the rules below name.
const (
	stepIdentify    = 1  // the terminal says who it is
	stepNothing     = 6  // no update: it disconnects
	stepRewrite     = 13 // it rewrites its software area
	stepJudge       = 14 // verdict
	stepRestoration = 15 // restoration mode
	stepWritten     = 20 // restored
)

// walk is a timeline that a device goes along.
type walk struct{ state.Timeline }

// begin starts a new conversation: everything waits.
func (t *walk) begin() { *t = walk{} }

// reach makes step n the one at work. What lies between the last step and n has been done, except what
// the method itself leaves out: S06 when there is an update, S14 when the rewrite was cut, and everything
// before restoration mode when it was entered without an update.
func (t *walk) reach(n uint8) {
	if n < 1 || n > stepWritten {
		return
	}
	last := t.Now.Step
	if n <= last {
		if n == last {
			t.Steps[n-1] = state.StepLive
		}
		return
	}
	for i := last; i < n; i++ {
		step := i // the number of the step before i+1
		if step == 0 {
			continue
		}
		if t.Steps[step-1] == state.StepLive || t.Steps[step-1] == state.StepWaiting {
			t.Steps[step-1] = t.passed(step, n, last)
		}
	}
	t.Steps[n-1] = state.StepLive
	t.Now = state.Now{Step: n, Target: t.Now.Target}
}

// passed is what a step has come to that lies behind when n is reached from last.
func (t *walk) passed(step, n, last uint8) state.Step {
	switch {
	case n >= stepRestoration && last == 0 && step < stepRestoration:
		return state.StepSkipped // restoration mode without an update before it
	case n >= stepRestoration && step > last && step < stepRestoration:
		return state.StepSkipped // the update stopped before it
	case n >= stepRestoration && step == last && step < stepRestoration:
		return state.StepBad // here it stopped
	case step == stepNothing && n > stepNothing:
		return state.StepSkipped
	}
	return state.StepDone
}

// finish ends the step at work well, fail badly.
func (t *walk) finish() { t.end(state.StepDone) }
func (t *walk) fail()   { t.end(state.StepBad) }

func (t *walk) end(as state.Step) {
	if n := t.Now.Step; n > 0 && t.Steps[n-1] == state.StepLive {
		t.Steps[n-1] = as
	}
}
