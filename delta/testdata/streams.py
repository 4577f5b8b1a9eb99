"""Section 3 of docs/delta.md: streams, counters, numbers."""
import math

M = 0xFFFFFFFF

class Refused(Exception): pass

def need(ok, why):
    if not ok: raise Refused(why)

LOGS = [min(255, math.floor(256 * math.log2(1 + i / 128) + 0.5)) for i in range(128)]
SQUASHED = [math.floor(65536 / (1 + 2 ** (i / 8)) + 0.5) for i in range(121)]

def log(n):
    k = n.bit_length() - 1
    return 256 * k + LOGS[(n << (12 - k)) >> 5 & 0x7F]

ODDS = [log(max(p, 1)) - log(4096 - max(p, 1)) for p in range(4096)]

def chance_of(total):
    total = max(-4096, min(4095, total)) & ~7 | 4
    m = min(abs(total), 3839)
    j = m // 32
    q = SQUASHED[j] - (SQUASHED[j] - SQUASHED[j + 1]) * (m % 32) // 32
    return 65536 - q if total > 0 else q

def learnt(w, bit):
    age = w & 7
    w += ((0xFFFF if bit else 0) - w) >> (1, 2, 2, 3, 3, 4, 4, 4)[age]
    return w & ~7 | min(age + 1, 7)

def context(place, v): return (v ^ place << 24) * 0x85EBCA6B & M

class Stream:
    """A range coded stream and its counters."""
    def __init__(s, data, counters):
        s.data, s.taken, s.span, s.code, s.bits, s.count = data, 0, M, 0, 0, counters
        for _ in range(4): s.code = s.code << 8 | s.next()
        need(s.code != M, 'no stream begins like this')
        s.renew()

    def renew(s):
        s.words = [0x8000] * s.count
        s.weights = [[26000] * 3 for _ in range(9)]

    def next(s):
        s.taken += 1
        need(s.taken <= len(s.data) + 4, 'stream is truncated')
        return s.data[s.taken - 1] if s.taken <= len(s.data) else 0

    def decide(s, bound):
        s.bits += 1
        bit = s.code < bound
        if bit: s.span = bound
        else: s.code -= bound; s.span -= bound
        while s.span < 1 << 24: s.span, s.code = s.span << 8, (s.code << 8 | s.next()) & M
        return int(bit)

    def first(s, c, n):
        x = c + n & M
        return (((x ^ x >> 15) * 0xC2B2AE35 & M) >> 16) * (s.count - 15) >> 16

    def bit(s, c, node=0):
        i = s.first(c, node)
        bit = s.decide((s.span >> 16) * (s.words[i] & ~7 | 4))
        s.words[i] = learnt(s.words[i], bit)
        return bit

    def number(s, c):
        k = 0
        while s.bit(c, k):
            k += 1
            need(k <= 24, 'number is too large')
        n = 1
        for i in range(k): n = n << 1 | (s.bit(c, 32 + 8 * k + n) if i < 3 else s.decide(s.span >> 1))
        return n - 1

    def mixed_at(s, slots, counter, which):
        at = [i + counter for i in slots]
        words, weights = [s.words[i] for i in at], s.weights[which]
        odds = [ODDS[w >> 4] for w in words]
        p = chance_of(sum(o * w >> 8 for o, w in zip(odds, weights)) >> 8)
        bit = s.decide((s.span >> 16) * p)
        error = (bit * 0xFFFF - p) >> 4
        for i in range(3): weights[i] += (odds[i] * error + 4096) >> 13
        for i, w in zip(at, words): s.words[i] = learnt(w, bit)
        return bit

    def mixed(s, contexts, which): return s.mixed_at([s.first(c, 0) for c in contexts], 1, which)

    def mixed_byte(s, contexts, which):
        value = part = 0
        for _ in range(2):
            slots, n = [s.first(c, part) for c in contexts], 1
            for _ in range(4): n = 2 * n + s.mixed_at(slots, n, which)
            value, part = value << 4 | n - 16, n
        return value

    def ends(s):
        v = int.from_bytes((bytes(s.data) + bytes(4))[s.taken - 4:s.taken], 'big')
        low = v - s.code & M
        for k in range(32, -1, -1):
            best = low + (1 << k) - 1 >> k << k
            if best < low + s.span: break
        missing = next((i for i in range(4) if v >> 8 * i & 255), 4)
        need(s.taken >= len(s.data) and v == best & M and s.taken - len(s.data) == missing, 'stream does not end here as it must')

def unfold(n): return n >> 1 if n & 1 == 0 else -(n + 1 >> 1)
