"""A reader of update files, written from docs/delta.md alone, of which sections are. It is slow, and for tests:

    decode.py VECTOR...            checks vectors
    decode.py -d FILE OLD NEW      decodes FILE over OLD and compares with NEW
"""
import bisect
import hashlib
import sys
import zlib

from fields import ALIGN, Map, aim, find, length, low
from plan import IMAGE, Header, Plan
from streams import M, Refused, Stream, context, need, unfold

# ---- sections 4 to 6, 8 and 9: decoding

class Decoder:
    def __init__(d, file, flash):
        d.h, d.file, d.flash = Header(file), file, flash
        d.model, d.map, d.steps, d.reads = None, Map(), 0, 0
        d.begin()
        h, runs, from_, d.built = d.h, [], 0, 0
        batches = largest = batch = buffer = 0
        for t in range(h.changed):
            n, addr, size, image = d.sector(t)
            buffer, d.built = max(buffer, size), d.built + image
            if d.plan.opens: batches, batch = batches + 1, 0
            batch += size
            largest, at = max(largest, batch), 0
            while at < image:
                k, copied = d.plan.piece(image - at)
                src = addr + at + d.plan.diagonal
                if copied:
                    need(0 <= src and src + k <= h.fromsize, 'copy from outside')
                    if runs and runs[-1][1:] == (addr + at, src): runs[-1] = runs[-1][0] + k, addr + at + k, src + k
                    else: runs.append((k, addr + at + k, src + k))
                at += k
            d.keep(t, addr, size, False)
        need(not d.plan.literal and not d.plan.copied, 'the plan goes on')
        d.plan.s.ends()
        need((buffer if h.changed else h.starts[1]) == h.buffer and (d.most, d.mostkept) == (h.stash, h.keeps), 'memory')
        need(not h.batches or (batches, largest) == (h.batches, h.batch), 'batches')
        if h.ranges:
            runs = [r for r in runs if r[0] >= h.least]
            for k, to, src in runs: d.map.enter(src - k, k, to - src)
            for n in range(h.sectors + 1):
                addr = min(h.starts[n], h.fromsize)
                if n == h.sectors or n in d.given:
                    if from_ < addr: d.map.enter(from_, addr - from_, 0)
                    from_ = h.starts[min(n + 1, h.sectors)]
            need((d.map.most, min([IMAGE] + [r[0] for r in runs])) == (h.ranges, h.least), 'map')
        d.scanned = d.counted()[0]
        d.map.steps = 0
        d.begin()
        d.steps = d.scanned
        d.check()

    def counted(d): return d.steps + 8 * (d.plan.s.bits + (d.data.bits if d.data else 0)) + d.map.steps, d.reads
    def check(d):
        steps, reads = d.counted()
        need(steps <= 65536 + d.h.steps * d.built and reads <= 65536 + d.h.reads * d.built, 'more work than announced')

    def begin(d):
        d.plan, d.given, d.stash, d.edges, d.data = Plan(d.h), set(), [], [], None
        d.reach = d.edgereach = d.most = d.mostkept = d.steps = d.reads = 0

    def sector(d, t):
        n = d.plan.sector(d.h.changed - t - 1)
        need(n not in d.given, 'sector comes twice')
        addr, size = d.h.starts[n], d.h.starts[n + 1] - d.h.starts[n]
        if not d.data: d.given.add(n)
        return n, addr, size, min(size, d.h.tosize - addr)

    def keep(d, t, addr, size, reading):
        h, d.edges = d.h, []
        end = max(addr, min(addr + size, h.fromsize))
        if h.edge and d.plan.s.bit(context(11, 0)) and end > addr:
            n = min(h.edge, (end - addr + 1) // 2)
            d.edges = [(addr, d.flash[addr:addr + n]), (end - n, d.flash[end - n:end])]
            if reading: d.reads += 2 * (8 + n)
        if not h.keeps: return
        freed = next((i for i, e in enumerate(d.stash) if e[2] <= t), None)
        if freed is not None:
            d.steps += 3 * len(d.stash) + sum(len(e[1]) // 4 for e in d.stash[freed:] if e[2] > t)
            d.stash = [e for e in d.stash if e[2] > t]
        count, at = d.plan.s.number(context(5, 0)), addr
        if count: d.steps += 2 * len(d.stash).bit_length() + sum(e[0] > addr for e in d.stash)
        for _ in range(count):
            at += d.plan.s.number(context(6, 0))
            n = d.plan.s.number(context(7, 0)) + 1
            last = t + d.plan.s.number(context(8, 0)) + 1
            need(at + n <= end and last < h.changed, 'stash entry')
            d.stash.append((at, d.flash[at:at + n], last))
            d.steps, at = d.steps + 1 + n // 4, at + n
            if reading: d.reads += 8 + n
            d.most, d.mostkept = max(d.most, sum(len(e[1]) for e in d.stash)), max(d.mostkept, len(d.stash))
            need(d.most <= h.stash and d.mostkept <= h.keeps, 'stash overflows')

    def old(d, at, n):
        out, starts = b'', d.h.starts
        while n:
            s = bisect.bisect_right(starts, at) - 1
            if s not in d.given:
                part = d.flash[at:min(at + n, starts[s + 1])]
                d.reads += 8 + len(part)
            else:
                part = None
                for i, (a, b) in enumerate(d.edges):
                    if a <= at < a + len(b):
                        part = b[at - a:at - a + n]
                        d.edgereach = max(d.edgereach, a + len(b) - at if i else at - a + len(part))
                        break
                if part is None:
                    d.steps += 2 * len(d.stash).bit_length()
                    part = next((b[at - a:at - a + n] for a, b, _ in d.stash if a <= at < a + len(b)), None)
                need(part is not None, 'old byte is gone')
                d.steps += 8 + len(part)
            out, at, n = out + part, at + len(part), n - len(part)
        return out

    def renew(d):
        d.data.renew()
        d.H = 0
        d.r = 0
        d.c = [0] * 4
        d.m = 0
        d.source = None
        d.notes, d.place = [], 0
        d.end, d.next = None, 0
        d.history = bytearray()

    def run(d):
        """Builds the rest; gives sector and content of each, and then what was counted is right."""
        h = d.h
        if not d.data:
            d.data, d.first = Stream(h.data, 256 * h.units), 0
            d.renew()
        for t in range(d.first, h.changed):
            n, addr, size, image = d.sector(t)
            if d.plan.opens: d.renew()
            out = bytearray()
            while len(out) < image:
                k, copied = d.plan.piece(image - len(out))
                if copied: d.copy(out, addr + len(out), k)
                else: d.literals(out, addr, k)
            d.keep(t, addr, size, True)
            d.history = (d.history + out)[-h.history:] if h.history else bytearray()
            d.given.add(n)
            d.check()
            yield n, bytes(out) + bytes([h.erased]) * (size - image)
        need(not d.plan.literal and not d.plan.copied, 'the plan goes on')
        d.plan.s.ends()
        d.data.ends()
        need((d.reach, d.edgereach) == (h.history, h.edge), 'history or edges')

    def back(d, out, n):
        if n <= len(out): return out[-n]
        n -= len(out)
        if n > len(d.history): return None
        d.reach = max(d.reach, n)
        return d.history[-n]

    def literals(d, out, addr, n):
        s, p, end = d.data, d.plan, len(out) + n
        k = min(n, 3)
        d.H, d.r = (d.H << k | (1 << k) - 1) & 255, 0
        while len(out) < end:
            at = addr + len(out)
            if p.long:
                match = s.bit(context(19, d.m))
                d.m = (d.m << 1 | match) & 7
                if match:
                    d.match(out, at, end - len(out))
                    continue
            lane = at & (3 if ALIGN[d.h.isa] == 4 else 1)
            out.append(s.mixed_byte((context(16, (d.back(out, 1) or 0) << 2 | lane), context(23, (d.back(out, 2) or 0) << 2 | lane), context(24, lane)), at & 1))

    def match(d, out, at, room):
        s = d.data
        if s.bit(context(20, 0)):
            need(d.source, 'the first match has no source to repeat')
            old, n = d.source[0], 0
            n = s.number(context(21, 1 | old << 1)) + 1
        else:
            old = s.bit(context(32, 0))
            n = s.number(context(21, old << 1)) + 2
            where = s.number(context(33 if old else 22, min(n, 6)))
            d.source = old, d.plan.diagonal + unfold(where) if old else where + 1
        need(n <= room, 'match leaves its piece')
        if old:
            src = at + d.source[1]
            need(0 <= src and src + n <= d.h.fromsize, 'match with bytes outside the base')
            out += d.old(src, n)
        for _ in range(0 if old else n):
            b = d.back(out, d.source[1])
            need(b is not None, 'match from too far back')
            out.append(b)

    def copy(d, out, dst, n):
        src, h = dst + d.plan.diagonal, d.h
        c = d.old(src, n)
        if h.isa in (6, 9):
            if src != d.end: d.next = src
            d.end = src + n
        i = plain = 0
        while i < n:
            if not (src + i) & 3 and i > plain: plain = d.unit(out, c[plain:i], c[plain:i], 0, src + plain) + plain
            f = d.field(c[i:], src + i, dst + i) if h.isa else None
            if not f:
                i += 1
                continue
            kind, guess = f
            if i > plain: d.unit(out, c[plain:i], c[plain:i], 0, src + plain)
            d.unit(out, c[i:i + len(guess)], guess, kind, src + i)
            if kind == 4: d.learn(low(c, i, 4), low(out, len(out) - 4, 4))
            i = plain = i + len(guess)
        if i > plain: d.unit(out, c[plain:], c[plain:], 0, src + plain)

    def moved(d, x):
        """For segments: where runs what ran at x."""
        x = d.h.old.byte(x)
        return None if x is None else d.h.new.run(d.map.move(x))

    def field(d, c, a, b):
        """Kind and predicted bytes of the field at the start of c, if there is one."""
        h = d.h
        begins = True
        if h.isa in (6, 9):
            begins = a >= d.next
            if begins: d.next = a + length(h.isa, c[0])
        A, B = (h.old.run(a), h.new.run(b)) if h.old else (a, b)
        f = find(h.isa, c[:8], A) if begins and A is not None else None
        if f and B is not None and (f[1] != 2 or (A ^ B) & 3):
            target = d.moved(f[2]) if h.old else d.map.move(f[2]) if f[2] <= h.fromsize else None
            guess = None if target is None else aim(h.isa, c[:f[0]], f[1], B, target)
            if guess is not None: return f[1], guess
        if len(c) < 4 or h.isa != 8 and a & 3: return None
        w = low(c, 0, 4)
        if h.pointers:
            to = d.moved(w) if h.old else h.base + d.map.move(w - h.base & M) & M if w - h.base & M < h.fromsize else None
            if to is not None: return 3, to.to_bytes(4, 'little')
        if w - h.ram & M >= h.ramsize: return None
        best, shift = M + 1, 0
        for was, by in d.notes:
            d.steps += 1
            far = min(was - w & M, w - was & M)
            if far <= best: best, shift = far, by
            if was == w: break
        return 4, (w + shift & M).to_bytes(4, 'little')

    def learn(d, was, now):
        i = next((i for i, e in enumerate(d.notes) if e[0] == was), None)
        if i is None:
            i, d.place = d.place, (d.place + 1) % 256
            if i == len(d.notes): d.notes.append(None)
        d.notes[i] = was, now - was & M

    def unit(d, out, old, guess, kind, a):
        s, n = d.data, len(old)
        k = n - 1 + kind * 8 + (128 if guess != old else 0)
        H, h = d.H, d.H & 7
        missed = s.mixed((context(17, h | min(d.r.bit_length(), 7) << 3 | (a & 3) << 6 | k << 8),
                          context(25, old[-1] | (h & 1) << 8 | k << 9), context(26, H | k << 8)), 2 + (h & 3))
        d.H, d.r = (H << 1 | missed) & 255, 0 if missed else d.r + 1
        if not missed:
            out += guess
            return n
        bits = 0
        for i in range(n):
            at, g = a + i, kind + (16 if guess[i] != old[i] else 0)
            if (bits or i < n - 1) and not s.mixed((context(29, bits | i << 8 | g << 11), context(30, bits | old[i] << 8 | (at & 1) << 16),
                                                    context(31, bits | (at & 3) << 8 | (H & 15) << 10)), 6):
                out.append(guess[i])
                continue
            change = s.mixed_byte((context(18, d.c[at & 3]), context(27, old[i] << 1 | at & 1), context(28, (guess[i] - old[i] & 255) << 4 | kind)), 8 if kind else 7)
            d.c[at & 3] = change
            out.append(old[i] + change & 255)
            bits |= 1 << i
        return n

    def resume(d, b):
        def word(at, n=4): return low(b, at, n)
        need(len(b) >= 76 and b[:8] == b'UDCP\1\0\0\0' and zlib.crc32(b[:-4]) == word(len(b) - 4), 'checkpoint is damaged')
        need(b[8:24] == hashlib.sha256(d.file).digest()[:16], 'checkpoint of another file')
        step, h = word(24), d.h
        need(0 < step < h.changed, 'checkpoint of no sector')
        for t in range(step):
            n, addr, size, image = d.sector(t)
            at = 0
            while at < image: at += d.plan.piece(image - at)[0]
            d.keep(t, addr, size, False)
        need(d.plan.opening, 'no batch begins there')
        n, m = word(64), word(68)
        need(n == (len(d.edges[0][1]) if d.edges else 0) and m == sum(len(e[1]) for e in d.stash) and len(b) == 76 + 2 * n + m, 'edges or stash')
        s = d.data = Stream(h.data, 256 * h.units)
        d.first, s.bits = step, 0
        s.taken, s.span, s.code = word(28), word(32), word(36)
        need(4 <= s.taken <= len(h.data) + 4 and s.span >= 1 << 24 and s.code < s.span, 'place in the stream')
        need(word(40, 8) >= d.counted()[0] and word(56) <= h.history and word(60) <= h.edge, 'numbers')
        d.steps += word(40, 8) - d.counted()[0]
        d.reads, d.reach, d.edgereach = word(48, 8), word(56), word(60)
        d.check()
        d.edges, at = [(a, b[72 + i * n:72 + i * n + n]) for i, (a, _) in enumerate(d.edges)], 72 + 2 * n
        for i, (a, old, last) in enumerate(d.stash): d.stash[i], at = (a, b[at:at + len(old)], last), at + len(old)
        d.renew()

# ---- what tests ask for

def decode(file, old, erased=None, checkpoint=None):
    """The flash after decoding file over old, and the decoder."""
    h = Header(file)
    flash = bytes(old) + bytes([h.erased]) * max(0, h.starts[-1] - len(old))
    d = Decoder(file, flash)
    if checkpoint is not None: d.resume(checkpoint)
    after = bytearray(flash)
    for n, content in d.run(): after[h.starts[n]:h.starts[n + 1]] = content
    return after, d

def leads(after, d, new):
    end = next(s for s in d.h.starts if s >= len(new))
    return after[:end] == new + bytes([d.h.erased]) * (end - len(new))

def vector(name):
    head, payload = open(name, 'rb').read().split(b'\n\n', 1)
    fields, parts = dict(line.split(': ', 1) for line in head.decode().split('\n')), {}
    for part in ('file', 'checkpoint', 'old', 'new'):
        if part in fields: n = int(fields[part]); parts[part], payload = payload[:n], payload[n:]
    try:
        after, d = decode(parts['file'], parts['old'], checkpoint=parts.get('checkpoint'))
    except Refused as why:
        return fields['expect'] == 'refused' or 'refused: %s' % why
    if fields['expect'] != 'ok': return 'is not refused: ' + fields['reason']
    if not leads(after, d, parts['new']): return 'leads elsewhere'
    got, want = d.counted() + (d.built,), tuple(int(fields[f]) for f in ('steps', 'reads', 'built'))
    return got == want or 'counted %s steps, reads and bytes, not %s' % (got, want)

if __name__ == '__main__':
    failed = 0
    if sys.argv[1] == '-d':
        file, old, new = (open(n, 'rb').read() for n in sys.argv[2:5])
        after, d = decode(file, old)
        failed = not leads(after, d, new)
    for name in sys.argv[1:] if sys.argv[1] != '-d' else ():
        result = vector(name)
        if result is not True: failed += 1; print('%s: %s' % (name, result))
    sys.exit(failed > 0)
