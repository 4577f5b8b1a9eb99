"""Sections 2 and 4 of docs/delta.md: header, and plan."""
from streams import M, Stream, context, need, unfold

class Bytes:
    def __init__(s, b): s.b, s.at = b, 0
    def take(s, n):
        need(s.at + n <= len(s.b), 'header is cut off')
        s.at += n
        return s.b[s.at - n:s.at]
    def low(s, n): return int.from_bytes(s.take(n), 'little')
    def number(s, most):
        n, i = 0, 0
        while True:
            b = s.low(1)
            n |= (b & 0x7F) << 7 * i
            if b < 0x80: break
            i += 1
            need(i < 5, 'number is too long')
        need(n <= most and (b or not i), 'number above its limit or not in its shortest form')
        return n
    def pages(s):
        n = s.low(3)
        need(n < 1 << 20, 'page count')
        return n * 4096

IMAGE = (1 << 24) - 1

class Segments(list):
    """(offset, length, address) of each."""
    @classmethod
    def read(cls, r):
        t, end = cls(), 0
        count = r.low(1)
        need(1 <= count <= 16, 'number of segments')
        for _ in range(count):
            offset = end + r.number(IMAGE)
            size = r.number(IMAGE)
            address = r.low(4)
            end = offset + size
            need(size > 0 and end <= IMAGE and address + size <= 1 << 32, 'segment')
            need(all(address + size <= a or a + n <= address for _, n, a in t), 'segments have an address in common')
            t.append((offset, size, address))
        return t
    def run(s, x): return next((x - o + a for o, n, a in s if o <= x < o + n), None)
    def byte(s, address): return next((address - a + o for o, n, a in s if a <= address < a + n), None)

class Header:
    def __init__(h, file):
        r = Bytes(file)
        need(r.take(2) == b'UD', 'no update file')
        version = r.low(1)
        need(version == 2, 'version %d' % version)
        flags = r.low(1)
        h.full = flags & 3 == 2
        need(flags & 3 in (1, 2) and flags < 16, 'flags')
        h.isa = r.low(1)
        need(h.isa <= 10, 'instruction set')
        sought = r.low(1) if h.isa else 0
        need(sought < 16 and sought & 12 != 8, 'sought')
        h.pointers, h.ram, h.ramsize, h.base, h.old, h.new = sought & 1, 0, 0, 0, None, None
        if sought & 5 == 1: h.base = r.pages()
        if sought & 2:
            h.ram, h.ramsize = r.pages(), r.pages()
            need(h.ramsize > 0, 'size of RAM')
        if sought & 4: h.old = h.new = Segments.read(r)
        if sought & 8:
            h.new = Segments.read(r)
            need(h.new != h.old, 'two tables that are alike')
        h.steps, h.reads, h.units, h.erased, runs = (r.low(1) for _ in range(5))
        need(h.steps <= 240 and h.reads <= 16, 'budget')
        need(1 <= h.units <= 128 and h.erased in (0, 255) and 1 <= runs <= 32, 'setup')
        h.runs, h.starts, end = [], [], 0
        for _ in range(runs):
            size, count = r.number(M), r.number(4096)
            need(size and count and (not h.runs or h.runs[-1][0] != size), 'run')
            h.runs.append((size, count))
            need(len(h.starts) + count <= 4096 and end + size * count <= 256 << 20, 'geometry')
            for _ in range(count): h.starts.append(end); end += size
        h.sectors = len(h.starts)
        h.starts.append(end)
        h.fromsize, h.tosize, h.buffer, h.history, h.stash, h.keeps, h.edge, h.ranges, h.least, h.changed = (
            r.number(n) for n in (IMAGE, IMAGE, IMAGE, 1 << 20, 262144, 4096, 4096, 8192, IMAGE, 4096))
        h.batches = h.batch = 0
        if flags & 8:
            h.batches, h.batch = r.number(h.changed), r.number(M)
            need(h.batches > 0, 'no batches')
        length = r.number((1 << 31) - 1)
        h.frm = r.take(8) if flags & 4 else None
        need(h.frm is None or any(h.frm), 'from')
        h.to = r.take(8)
        need(0 < h.tosize <= end and h.fromsize <= end and h.buffer <= max(s for s, _ in h.runs), 'sizes')
        need(h.stash + 12 * h.keeps <= 262144 and (h.ranges or not h.least), 'stash or map')
        for table, size in ((h.old, h.fromsize), (h.new, h.tosize)):
            need(not table or table[-1][0] + table[-1][1] <= size, 'segment behind its image')
        need(not h.full or not (h.fromsize or h.frm or h.stash or h.keeps or h.edge or h.ranges), 'a full image of something')
        need(r.at + length <= len(file), 'control stream')
        h.control, h.data = file[r.at:r.at + length], file[r.at + length:]

class Plan:
    def __init__(p, h):
        p.h, p.s = h, Stream(h.control, 512)
        p.last, p.ahead, p.opens, p.opening = None, None, False, h.batches > 0
        p.literal = p.copied = p.diagonal = 0
        p.had_copy = p.ended = False
        p.first = 0  # diagonal of the first copy of the last sector that has one

    def sector(p, left):
        def jump(n):
            if not p.s.bit(context(0, 0)): return n
            far = p.s.number(context(1, 0))
            need(far, 'a distance of 0')
            return n + unfold(far)
        n = jump(0) if p.last is None else p.ahead
        need(0 <= n < p.h.sectors and p.h.starts[n] < p.h.tosize, 'no such sector')
        p.joins, p.d, p.fresh = p.last is not None and p.last == n + 1, p.first, True
        p.opens, p.opening, p.flows, p.last = p.opening, False, False, n
        if left:
            p.ahead = jump(n + 1)
            p.flows = p.ahead == n + 1
            if p.h.batches: p.opening = p.s.bit(context(12, 0)) == 1
        return n

    def piece(p, room):
        if not p.literal and not p.copied: p.operation(room)
        if p.literal:
            n = min(p.literal, room)
            p.literal -= n
            return n, False
        n = min(p.copied, room)
        p.copied -= n
        if p.fresh: p.first, p.fresh = p.diagonal, False
        return n, True

    def operation(p, room):
        need(not p.ended, 'an operation behind the last')
        p.literal = p.s.number(context(2, 0))
        L, E, asked = min(p.literal, 1), 0, not p.flows and p.literal < room
        if asked: E = p.s.bit(context(9, L))
        p.copied = room - p.literal if E else p.s.number(context(3, L))
        need(E or not asked or not p.copied or p.literal + p.copied != room, 'the end of a sector is not said')
        p.long = p.literal >= 3
        if not p.copied:
            need(p.literal, 'no literals and no copy')
            p.ended = True
            return
        asked = p.joins and (L or p.diagonal != p.d)
        if asked and p.s.bit(context(10, E)): new = p.d
        else:
            change = unfold(p.s.number(context(4, L)))
            need(abs(change) < 1 << 24, 'a change of the diagonal that is too large')
            new = p.diagonal + change
            need(not (asked and new == p.d) and not (not L and p.had_copy and not change), 'goes on like the last')
        p.diagonal, p.had_copy = new, True
