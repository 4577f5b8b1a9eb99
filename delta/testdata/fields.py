"""Section 7 of docs/delta.md: the fields of instruction sets, and the map."""
import bisect

from streams import M

ALIGN = (1, 1, 2, 2, 4, 2, 1, 2, 1, 1, 4)
L8051 = (0x15979, 0x1597B, 0x15A5B, 0x15A5B, 0x15AEA, 0x15AEA, 0x15AEA, 0x2AE6A,
         0x2AD6A, 0x15A6B, 0x2A56A, 0x3FF6A, 0x1596A, 0x25D6A, 0x15959, 0x15959)

def low(c, at, n): return int.from_bytes(c[at:at + n], 'little')
def s_(v, bits): return (v & (1 << bits) - 1) - (1 << bits if v >> bits - 1 & 1 else 0)

def length(isa, first):
    return (2 if first & 8 else 3) if isa == 6 else L8051[first >> 4] >> 2 * min(first & 15, 8) & 3

def find(isa, c, a):
    """The field at the start of c, which runs at a: length, kind, target; None."""
    n = len(c)
    if a % ALIGN[isa] or n < 2: return None
    h, g, w, v = low(c, 0, 2), low(c, 2, 2), low(c, 0, 4), low(c, 4, 4)
    if isa == 2:
        if n >= 4 and h & 0xF800 == 0xF000 and g & 0x9000 == 0x9000:
            S = h >> 10 & 1
            i1, i2 = 1 ^ g >> 13 & 1 ^ S, 1 ^ g >> 11 & 1 ^ S
            return 4, 1, a + 4 + s_(S << 24 | i1 << 23 | i2 << 22 | (h & 0x3FF) << 12 | (g & 0x7FF) << 1, 25) & M
        if h & 0xF800 == 0x4800: return 2, 2, (a + 4 & ~3) + (h & 0xFF) * 4 & M
    elif isa == 3:
        if n >= 4 and h & 0xF800 == 0x9000 and g & 0xF800 == 0x9800:
            return 4, 1, a + 4 + s_((h & 0x7FF) << 12 | (g & 0x7FF) << 1, 23) & M
        if h & 0xF800 == 0x0800: return 2, 2, (a + 4 & ~3) + (h & 0xFF) * 4 & M
    elif isa == 4 and n >= 4:
        if w & 0x7C000000 == 0x14000000: return 4, 1, a + s_(w << 2, 28) & M
        if w & 0xFF000010 == 0x54000000 or w & 0x7E000000 == 0x34000000: return 4, 6, a + s_(w >> 5 << 2, 21) & M
        if n >= 8 and w & 0x9F000000 == 0x90000000 and v >> 5 & 31 == w & 31:
            k = 0 if v & 0xFFC00000 == 0x91000000 else v >> 30 if v & 0x3F000000 == 0x39000000 else None
            page = (a >> 12) + s_((w >> 5 & 0x7FFFF) << 2 | w >> 29 & 3, 21) & M
            if k is not None and page < 1 << 20: return 8, 5, (page << 12) + ((v >> 10 & 0xFFF) << k) & M
    elif isa == 5 and n >= 4:
        if w & 0x7F == 0x6F and w >> 7 & 31 < 2:
            return 4, 1, a + s_((w >> 31) << 20 | (w >> 12 & 0xFF) << 12 | (w >> 20 & 1) << 11 | (w >> 21 & 0x3FF) << 1, 21) & M
        if n >= 8 and w & 0x7F == 0x17 and v >> 15 & 31 == w >> 7 & 31 and (v & 0x7F in (0x67, 3) or v & 0x707F == 0x13):
            return 8, 5, a + (w & 0xFFFFF000) + s_(v >> 20, 12) & M
    elif isa == 6 and n >= 3:
        w &= 0xFFFFFF
        if w & 15 == 5: return 3, 1, (a & ~3) + 4 + s_(w >> 6, 18) * 4 & M
        if w & 15 == 1: return 3, 5, (a + 3 & ~3) + (w >> 8) * 4 - 0x40000 & M
    elif isa == 7:
        if h & 0xE000 == 0xC000: return 2, 1, a + 2 + s_(h << 1, 13) & M
        if n >= 4 and h & 0xFE0C == 0x940C: return 4, 1, (h >> 4 & 31) << 18 | (h & 1) << 17 | g << 1
    elif isa == 8:
        if n >= 5 and c[0] in (0xE8, 0xE9): return 5, 1, a + 5 + low(c, 1, 4) & M
        if n >= 6 and c[0] == 0x0F and c[1] & 0xF0 == 0x80: return 6, 6, a + 6 + low(c, 2, 4) & M
        if n >= 6 and c[0] in (0x89, 0x8B, 0x8D) and c[1] & 0xC7 == 5: return 6, 5, a + 6 + low(c, 2, 4) & M
    elif isa == 9:
        if n >= 3 and c[0] & 0xEF == 2:
            t = c[1] << 8 | c[2]
            return 3, 1, t - 0x8000 + (a & ~0x7FFF) & M if t >= 0x8000 and a >= 0x10000 else t
        if c[0] & 15 == 1: return 2, 1, (a + 2 & ~0x7FF) + (c[0] >> 5 << 8 | c[1]) & M
    elif isa == 10 and n >= 4 and w & 0x0E000000 == 0x0A000000 and w < 0xF0000000: return 4, 1, a + 8 + s_(w << 2, 26) & M
    return None

def aim(isa, f, kind, b, t):
    """The field f at b when it points at t, None if its form cannot hold that."""
    def out(*parts): return b''.join((v & (1 << 8 * n) - 1).to_bytes(n, 'little') for v, n in parts)
    h, g, w, v = low(f, 0, 2), low(f, 2, 2), low(f, 0, 4), low(f, 4, 4)
    if kind == 2:
        d = t - (b + 4 & ~3) & M
        return None if d > 1020 or d & 3 else out((h & 0xFF00 | d >> 2, 2))
    if isa == 2:
        d = t - b - 4
        S = d >> 24 & 1
        return out((h & 0xF800 | S << 10 | d >> 12 & 0x3FF, 2), (g & 0xD000 | (1 ^ d >> 23 & 1 ^ S) << 13 | (1 ^ d >> 22 & 1 ^ S) << 11 | d >> 1 & 0x7FF, 2))
    if isa == 3:
        d = t - b - 4
        return out((h & 0xF800 | d >> 12 & 0x7FF, 2), (g & 0xF800 | d >> 1 & 0x7FF, 2))
    if isa == 4:
        if kind == 1: return out((w & 0xFC000000 | (t - b) >> 2 & 0x3FFFFFF, 4))
        if kind == 6: return out((w & 0xFF00001F | ((t - b) >> 2 & 0x7FFFF) << 5, 4))
        k = 0 if v & 0xFFC00000 == 0x91000000 else v >> 30
        page = (t >> 12) - (b >> 12)
        if t & (1 << k) - 1: return None
        return out((w & 0x9F00001F | (page & 3) << 29 | (page >> 2 & 0x7FFFF) << 5, 4), (v & 0xFFC003FF | (t & 0xFFF) >> k << 10, 4))
    if isa == 5:
        d = t - b
        if kind == 1: return out((w & 0xFFF | (d >> 20 & 1) << 31 | (d >> 1 & 0x3FF) << 21 | (d >> 11 & 1) << 20 | (d >> 12 & 0xFF) << 12, 4))
        return out((w & 0xFFF | d + 0x800 & 0xFFFFF000, 4), (v & 0xFFFFF | (d & 0xFFF) << 20, 4))
    if isa == 6:
        if t & 3: return None
        if kind == 1: return out((f[0] & 0x3F | ((t - (b & ~3) - 4) >> 2 & 0x3FFFF) << 6, 3))
        return out((f[0] | ((t - (b + 3 & ~3) + 0x40000) >> 2 & 0xFFFF) << 8, 3))
    if isa == 7:
        if t & 1: return None
        if len(f) == 2: return out((h & 0xF000 | (t - b - 2) >> 1 & 0xFFF, 2))
        return out((h & 0xFE0E | (t >> 18 & 31) << 4 | t >> 17 & 1, 2), (t >> 1, 2))
    if isa == 8: return f[:-4] + out((t - b - len(f), 4))
    if isa == 9:
        if len(f) == 2: return bytes((f[0] & 31 | (t >> 8 & 7) << 5, t & 255)) if b + 2 >> 11 == t >> 11 else None
        if t >= 0x8000 and (t >= 0x10000 or b >= 0x10000):
            if b < 0x10000 or t >> 15 != b >> 15: return None
            t = t & 0x7FFF | 0x8000
        return bytes((f[0], t >> 8, t & 255))
    return None if t & 3 else out((w & 0xFF000000 | (t - b - 8) >> 2 & 0xFFFFFF, 4))

class Map:
    def __init__(m): m.ranges, m.most, m.steps = [], 0, 0  # (start, length, shift)
    def after(m, x):
        m.steps += len(m.ranges).bit_length()
        return bisect.bisect_right(m.ranges, (x, 1 << 30))
    def enter(m, start, n, shift):
        end, shift = start + n, shift % (1 << 24)
        while start < end:
            i, r = m.after(start), m.ranges
            if i and start < r[i - 1][0] + r[i - 1][1]:
                start = r[i - 1][0] + r[i - 1][1]
                continue
            part = min(end - start, 65535, r[i][0] - start if i < len(r) else M)
            first, size, lo, hi, behind = start, part, i, i, len(r) - i
            if i and r[i - 1][0] + r[i - 1][1] == start and r[i - 1][2] == shift and r[i - 1][1] + part <= 65535:
                first, size, lo = r[i - 1][0], r[i - 1][1] + part, i - 1
            if i < len(r) and r[i][0] == start + part and r[i][2] == shift and r[i][1] + size <= 65535: size, hi = size + r[i][1], i + 1
            if hi - lo != 1: m.steps += 2 * behind
            r[lo:hi] = [(first, size, shift)]
            m.most, start = max(m.most, len(r)), start + part
    def move(m, x):
        i = m.after(x)
        return (x + m.ranges[i - 1][2]) % (1 << 24) if i else x
