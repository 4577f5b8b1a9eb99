"""What read.py stands on: Ed25519, the CBOR of the formats, texts, and the two shapes of what is signed. Written from docs/release.md alone."""
import hashlib
import re

POINTS = '''0020-007E 00A1-00AC 00AE-034E 0350-058F 0900-115E 1161-167F 1681-17B3 17B6-180A 1810-1FFF 2010-2027
    2030-205E 2070-27FF 2801-2FFF 3001-3163 3165-D7FF F900-FAFF FF01-FF9F FFA1-FFDC 1F300-1FAFF 20000-2FFFD 30000-323AF'''
POINTS = [tuple(int(n, 16) for n in r.split('-')) for r in POINTS.split()]


class Refused(Exception):
    """Why something is not taken, as the vectors name it."""


class Form(Exception):
    """It has not the one shape."""


def need(ok, why):
    if not ok:
        raise Form(why)


# Ed25519, RFC 8032
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def plus(a, b):
    (x, y, z, t), (u, v, w, s) = a, b
    a, b, c, d = (y - x) * (v - u), (y + x) * (v + u), 2 * t * s * D, 2 * z * w
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, a):
    r = (0, 1, 1, 0)
    while n:
        if n & 1:
            r = plus(r, a)
        a, n = plus(a, a), n >> 1
    return r


def point(b):
    y = int.from_bytes(b, 'little')
    sign, y = y >> 255, y & (1 << 255) - 1
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - xx) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, 'little'))


def verifies(key, signed, signature):
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], 'little')
    if not a or not r or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + signed).digest(), 'little') % L
    one, other = times(s, BASE), plus(r, times(h, a))
    return all((one[i] * other[2] - other[i] * one[2]) % P == 0 for i in (0, 1))


# CBOR, deterministic: the kinds that are in these formats
def head(major, n):
    for k, most in enumerate((24, 1 << 8, 1 << 16, 1 << 32)):
        if n < most:
            return bytes([major << 5 | n]) if k == 0 else bytes([major << 5 | 23 + k]) + n.to_bytes(1 << k - 1, 'big')
    return bytes([major << 5 | 27]) + n.to_bytes(8, 'big')


def string(b):
    return head(2, len(b)) + b


class Reader:
    def __init__(r, p):
        r.p, r.at = p, 0

    def take(r, n):
        need(r.at + n <= len(r.p), 'short')
        r.at += n
        return r.p[r.at - n:r.at]

    def head(r, major):
        start, b = r.at, r.take(1)[0]
        n = b & 31
        need(b >> 5 == major and n < 28, 'kind')
        if n > 23:
            n = int.from_bytes(r.take(1 << n - 24), 'big')
        need(r.p[start:r.at] == head(major, n), 'long head')
        return n

    def number(r, most, least=0):
        n = r.head(0)
        need(least <= n <= most, 'number')
        return n

    def bytes(r, *sizes):
        b = r.take(r.head(2))
        need(not sizes or len(b) in sizes, 'length')
        return b

    def text(r, least, most):
        return text(r.take(r.head(3)), least, most)

    def id(r, most=32, least=1):
        b = r.take(r.head(3))
        need(len(b) == 0 == least or identifier(b, most), 'identifier')
        return b.decode()

    def array(r, most, least=0):
        n = r.head(4)
        need(least <= n <= most, 'items')
        return range(n)

    def literal(r, b):
        need(r.take(len(b)) == b, 'constant bytes')

    def end(r):
        need(r.at == len(r.p), 'bytes behind')


def identifier(b, most):
    return len(b) <= most and re.fullmatch(rb'[A-Za-z0-9][A-Za-z0-9._-]*', b)


def text(b, least, most, more=()):
    try:
        s = b.decode('utf-8')
    except UnicodeDecodeError:
        raise Form('UTF-8')
    need(least <= len(b) <= most and s.strip(' ') == s, 'text')
    need(all(c in more or any(a <= ord(c) <= z for a, z in POINTS) for c in s), 'code point')
    return s


def ascending(keys):
    need(all(a < b for a, b in zip(keys, keys[1:])), 'order')
    return keys


def kid(key):
    return hashlib.sha256(key).digest()[:8]


def sign1(p, kind, aad, most):
    """The payload of a COSE_Sign1, its key identifier, its signature and what that is over."""
    need(len(p) <= most, 'length')
    r = Reader(p)
    r.literal(b'\xd2\x84')
    protected = r.bytes()
    key = protected[-8:]
    need(protected == b'\xa3\x01\x27\x03' + head(3, len(kind)) + kind + b'\x04\x48' + key, 'header')
    r.literal(b'\xa0')
    payload, signature = r.bytes(), r.bytes(64)
    r.end()
    return payload, key, signature, head(4, 4) + head(3, 10) + b'Signature1' + string(protected) + string(aad) + string(payload)


def sign(p, kind, aad, most):
    """The payload of a COSE_Sign and its signatures: key identifier, signature, what that is over."""
    need(len(p) <= most, 'length')
    r = Reader(p)
    r.literal(b'\xd8\x62\x84')
    body = b'\xa1\x03' + head(3, len(kind)) + kind
    r.literal(string(body) + b'\xa0')
    payload, signatures = r.bytes(), []
    for _ in r.array(4, 1):
        r.literal(b'\x83')
        protected = r.bytes(13)
        need(protected[:5] == b'\xa2\x01\x27\x04\x48', 'header of a signature')
        r.literal(b'\xa0')
        over = head(4, 5) + head(3, 9) + b'Signature' + string(body) + string(protected) + string(aad) + string(payload)
        signatures.append((protected[5:], r.bytes(64), over))
    r.end()
    ascending([s[0] for s in signatures])
    return payload, signatures


def signers(signatures, keys, threshold):
    count = 0
    for key, signature, over in signatures:
        named = [k for k in keys if kid(k) == key]
        if named and not any(verifies(k, over, signature) for k in named):
            raise Refused('bad signature')
        count += bool(named)
    if count == 0:
        raise Refused('unknown key')
    if count < threshold:
        raise Refused('too few signatures')
