package terminal

import (
	"unbrick/protocol/smp"
)

// handle answers one packet. Its error is the cable's.
func (h *restoration) handle(packet []byte) error {
	q, body, err := smp.ParsePacket(packet)
	if err != nil || q.Op&1 != 0 {
		return nil // no request: nothing to answer
	}
	if !h.met {
		h.met = true
		h.note(16, 119, EventConnected, 0, 0)
	}
	if q.Version > 1 {
		return h.answerRC(&q, smp.RCTooNew)
	}
	switch q.Group {
	case smp.GroupOS:
		return h.handleOS(&q, body)
	case smp.GroupImage:
		return h.handleImage(&q, body)
	case smp.GroupUser:
		return h.handleUser(&q, body)
	}
	return h.answerRC(&q, smp.RCNotSupported)
}

func (h *restoration) answer(q *smp.Header, body smp.Body) error {
	b, err := smp.AppendPacket(h.line.packet[:0], q.Response(), body)
	if err != nil {
		return h.answerRC(q, smp.RCTooLarge)
	}
	return h.line.send(b)
}

func (h *restoration) answerRC(q *smp.Header, rc smp.RC) error {
	b, err := smp.AppendRC(h.line.packet[:0], q, rc)
	if err != nil {
		return nil
	}
	return h.line.send(b)
}

// deny answers with a fault of our own group.
func (h *restoration) deny(q *smp.Header, f smp.Fault) error {
	h.note(0, 120, EventDenied, uint32(f), 0)
	b, err := smp.AppendFault(h.line.packet[:0], q, f)
	if err != nil {
		return nil
	}
	return h.line.send(b)
}

// bootloaderName is by what a host recognises a terminal before it says anything of our own group.
var bootloaderName = []byte(smp.BootloaderName)

func (h *restoration) handleOS(q *smp.Header, body []byte) error {
	switch {
	case q.ID == smp.OSEcho:
		var m smp.EchoRequest
		if m.DecodeBody(body) != nil {
			return h.answerRC(q, smp.RCInvalid)
		}
		return h.answer(q, &smp.EchoResponse{Text: m.Text})
	case q.ID == smp.OSParameters && q.Op == smp.Read:
		return h.answer(q, &smp.Parameters{BufSize: smp.BufSize, BufCount: smp.BufCount})
	case q.ID == smp.OSBootloader && q.Op == smp.Read:
		var m smp.BootloaderRequest
		switch {
		case m.DecodeBody(body) != nil:
			return h.answerRC(q, smp.RCInvalid)
		case m.Query != nil:
			return h.answerRC(q, smp.RCNotSupported)
		}
		return h.answer(q, &smp.Bootloader{Name: bootloaderName})
	case q.ID == smp.OSReset && q.Op == smp.Write:
		if h.phase.Busy() {
			return h.answerRC(q, smp.RCBusy)
		}
		h.ending = ResetAsked
		return h.answer(q, &smp.Empty{})
	}
	return h.answerRC(q, smp.RCNotSupported)
}

func (h *restoration) handleImage(q *smp.Header, body []byte) error {
	switch {
	case h.phase.Busy():
		return h.deny(q, smp.FaultBusy)
	case q.ID == smp.ImageState && q.Op == smp.Read:
		return h.answerState(q)
	case q.ID == smp.ImageUpload && q.Op == smp.Write:
		return h.takeUpload(q, body)
	}
	return h.answerRC(q, smp.RCNotSupported)
}

// handleUser answers the commands of our own group.
func (h *restoration) handleUser(q *smp.Header, body []byte) error {
	switch {
	case h.phase.Busy():
		return h.handleBusy(q, body)
	case q.Op == smp.Read:
		return h.handleRead(q, body)
	}
	switch q.ID {
	case smp.UserBegin:
		return h.takeBegin(q, body)
	case smp.UserLeaves:
		return h.takeLeaves(q, body)
	case smp.UserFile:
		return h.takeFile(q, body)
	case smp.UserData:
		return h.takeData(q, body)
	case smp.UserFinish:
		return h.takeFinish(q)
	case smp.UserAbort:
		h.forget()
		return h.answer(q, &smp.Empty{})
	case smp.UserErase:
		return h.takeErase(q, body)
	case smp.UserFrames:
		return h.takeFrames(q, body)
	}
	return h.answerRC(q, smp.RCNotSupported)
}

// handleBusy answers while the device works by itself: how far it is, and what belongs to the file that comes meanwhile.
func (h *restoration) handleBusy(q *smp.Header, body []byte) error {
	switch q.ID {
	case smp.UserStatus, smp.UserFinish: // the latter asked again
		return h.answerStatus(q)
	case smp.UserBegin:
		return h.beginAgain(q, body)
	case smp.UserFile:
		return h.takeFile(q, body)
	case smp.UserData:
		return h.takeData(q, body)
	case smp.UserErase:
		return h.takeErase(q, body)
	case smp.UserFrames:
		return h.takeFrames(q, body)
	}
	return h.deny(q, smp.FaultBusy)
}

func (h *restoration) handleRead(q *smp.Header, body []byte) error {
	switch q.ID {
	case smp.UserIdentify:
		h.describe()
		h.note(16, 111, EventIdentity, uint32(len(h.who.Keys)), 0)
		return h.answer(q, &h.who)
	case smp.UserRecord:
		return h.answerRecord(q, body)
	case smp.UserDigests:
		return h.answerDigests(q, body)
	case smp.UserStatus:
		return h.answerStatus(q)
	case smp.UserReadout:
		return h.answerReadout(q, body)
	case smp.UserReceipt:
		return h.answerReceipt(q, body)
	}
	return h.answerRC(q, smp.RCNotSupported)
}

// takeFrames agrees on frames and on a speed: it answers as before, and changes both when the last stop bit is out.
func (h *restoration) takeFrames(q *smp.Header, body []byte) error {
	var m smp.FramesRequest
	if m.DecodeBody(body) != nil {
		return h.deny(q, smp.FaultMalformed)
	}
	speed := min(m.Speed, h.hw.MaxSpeed)
	if h.line.speeder == nil {
		speed = 0
	}
	ahead, block := h.line.ahead(h.attentive())
	if err := h.answer(q, &smp.Frames{Speed: speed, Block: block, Ahead: ahead}); err != nil {
		return err
	}
	h.line.toFrames(speed)
	return nil
}
