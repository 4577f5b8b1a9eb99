package emulator

// Gone returns a channel that is closed when the running agent is stopped by a cut, a reset or a
// fault; with no agent, a closed one. Whoever lets the agent wait for something that is not the
// board ends that wait then.
func (b *Board) Gone() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive && b.ending == nil {
		return b.gone
	}
	c := make(chan struct{})
	close(c)
	return c
}

// Outside runs f, in which the agent waits for something that is no part of the board, such as a
// network. Meanwhile the host's time goes on. It is the agent's.
func (b *Board) Outside(f func()) {
	b.mu.Lock()
	if err := b.awake("outside"); err != nil {
		_ = b.leave(err)
		return
	}
	b.outside++
	b.wakeAll()
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.outside = max(0, b.outside-1)
		_ = b.leave(nil)
	}()
	f()
}

// AwaitHost waits until there is a host at the line: an open port or an attachment. It returns true
// then, and false when other is closed or sends before. No time passes meanwhile, neither for the host:
// one that opens its port finds the agent awake. It is the agent's.
func (b *Board) AwaitHost(other <-chan struct{}) bool {
	for {
		b.mu.Lock()
		err := b.enter()
		there := b.line.port.state == portOpen || b.att != nil
		came, gone := b.came, b.gone
		if b.leave(err) != nil || there {
			return there
		}
		select {
		case <-came:
		case <-gone:
		case <-other:
			return false
		}
	}
}

// hostCame tells who waits in AwaitHost. With mu held.
func (b *Board) hostCame() {
	close(b.came)
	b.came = make(chan struct{})
	b.wakeAll()
}
