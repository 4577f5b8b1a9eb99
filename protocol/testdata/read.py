"""A reader of the link's messages, written from docs/protocol.md alone; what that page has from docs/release.md is read by signed.py there. For tests:

    read.py VECTOR...    reads vectors and says where what they tell is not what the document says; then it ends with 1
"""
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'release', 'testdata'))
from signed import Form, Reader, need, verifies

MOST, WEEK, FILE, CREDIT = 2**53 - 1, 604800, 67108864, 1048576
NAMES = {1: 'hello', 2: 'info', 3: 'request', 4: 'data', 5: 'credit', 6: 'end', 7: 'done', 8: 'gone', 9: 'error', 10: 'ping', 11: 'pong', 12: 'bye',
         13: 'challenge', 14: 'news', 15: 'trust', 16: 'fresh'}


def u(bits):
    return lambda r: r.number((1 << bits) - 1)


def upto(most, least=0):
    return lambda r: r.number(most, least)


def string(least, most):
    def read(r):
        b = r.bytes()
        need(least <= len(b) <= most, 'length')
        return b
    return read


def digest(r):
    return r.bytes(32)


def flag(r):
    b = r.take(1)
    need(b in (b'\xf4', b'\xf5'), 'boolean')
    return b == b'\xf5'


def report(r):
    if r.p[r.at:r.at + 1] == b'\xf6':
        return r.take(1)
    need(r.head(4) == 8, 'report')
    for field in (digest, digest, upto(255, 1), u(8), u(32), u(32), u(32)):
        field(r)
    return [r.number(2**32 - 1) for _ in r.array(16)]


def name(r):
    return r.id()


HELLO = (name, name, lambda r: r.text(0, 32), u(16), upto(MOST), digest, u(16), upto(MOST), lambda r: [r.bytes(8) for _ in r.array(8)], upto(8, 1), u(32), u(16),
         u(32), u(32), u(32), u(8), flag, flag, report, lambda r: [r.bytes(32) for _ in r.array(8)], u(32), lambda r: r.bytes(0, 32), lambda r: r.bytes(0, 16),
         lambda r: r.bytes(0, 64))
INFO = (u(8), u(8), upto(FILE), digest, u(32), u(32), upto(2), upto(WEEK), string(0, 832))
FIELDS = {'hello': HELLO, 'info': INFO, 'request': (digest, upto(FILE), upto(CREDIT)), 'data': (upto(FILE), string(1, 32768)), 'credit': (upto(CREDIT, 1),),
          'end': (upto(FILE, 1), digest), 'done': (digest,), 'gone': INFO, 'error': (upto(255, 1), lambda r: r.text(0, 200), upto(WEEK)), 'ping': (u(32),),
          'pong': (u(32),), 'bye': (), 'challenge': (digest,), 'news': (digest, upto(WEEK)), 'trust': (string(1, 960),), 'fresh': (string(1, 256),)}


def message(p):
    need(len(p) <= 65536, 'length')
    r = Reader(p)
    items = r.head(4)
    code = NAMES.get(r.number(255))
    need(code and items == 1 + len(FIELDS[code]), 'code and fields')
    f = [field(r) for field in FIELDS[code]]
    r.end()
    if code == 'hello':
        need(len(p) <= 1024 and len(f[23]) == 2 * len(f[21]), 'signature')
    elif code in ('info', 'gone'):
        kind, reason, size, update, steps, manifest = f[0], f[1], f[2], f[3], f[6], f[8]
        if kind == 0:
            need(reason and not size and not steps and not any(update), 'none')
        else:
            need(not reason and size and steps and manifest, 'an offer')
    elif code == 'data':
        need(f[0] + len(f[1]) <= FILE, 'end')
    elif code == 'error':
        need(f[2] or f[0] not in (4, 6), 'no wait')
    return code, f


def signature(p, nonce, host):
    try:
        code, f = message(p)
        need(code == 'hello', 'no hello')
    except Form:
        return 'malformed'
    if not f[21]:
        return 'unsigned'
    if not re.fullmatch(r'[!-.0-?\\^-~]{1,253}', host) or host[-1] == '.' or host.count(':') == 1:
        return 'no host'
    over = b'unbrick hello v2\0' + nonce + hashlib.sha256(host.encode()).digest() + p[:-66]
    return 'good' if verifies(f[21], over, f[23]) else 'refused'


def check(path):
    """What a vector tells otherwise than the document, as lines."""
    with open(path, encoding='utf-8') as file:
        top, _, data = file.read().partition('\n\n')
    v, p = dict(line.partition(': ')[::2] for line in top.splitlines()), bytes.fromhex(data)
    if 'signature' in v:
        found, want = signature(p, bytes.fromhex(v['nonce']), v['host']), v['signature']
    else:
        want = v.get('message', 'refused')
        try:
            found = message(p)[0]
        except Form:
            found = 'refused'
    return [] if found == want else ['%s: by the document %s, here %s' % (path, found, want)]


if __name__ == '__main__':
    said = [line for path in sys.argv[1:] for line in check(path)]
    print('\n'.join(said), end='\n' if said else '')
    sys.exit(1 if said else 0)
