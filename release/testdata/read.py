"""A reader of what is signed, of release files and of parts files, written from docs/release.md alone. For tests:

    read.py VECTOR...    reads vectors and says where what they tell is not what the document says; then it ends with 1
"""
import hashlib
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from signed import Form, POINTS, Reader, Refused, ascending, head, identifier, kid, need, sign, sign1, signers, string, text, verifies

MOST, U32 = 2**53 - 1, 2**32 - 1


def keyed(p, *fields):
    """A map of the keys 1, 2, .. whose values the fields read."""
    r, found = Reader(p), []
    need(r.head(5) == len(fields), 'number of keys')
    for i, field in enumerate(fields):
        need(r.number(U32) == i + 1, 'key')
        found.append(field(r))
    r.end()
    return found


def digest_or_none(r):
    d = r.bytes(0, 32)
    need(d != bytes(32), 'digest of zeros')
    return d


def leaf_size(r):
    n = r.number(4096)
    need(n in (256, 512, 1024, 2048, 4096), 'leaf size')
    return n


def manifest_of(p):
    payload, signatures = sign(p, b'application/vnd.unbrick.manifest.v2+cbor', b'unbrick release v2', 832)
    m = dict(zip(MANIFEST, keyed(
        payload, lambda r: r.id(), lambda r: r.text(1, 32), lambda r: r.number(MOST), lambda r: r.number(MOST), lambda r: r.number(16777215, 1),
        lambda r: r.bytes(32), leaf_size, lambda r: r.bytes(32), lambda r: r.number(65535), lambda r: r.number(U32), lambda r: r.number(U32),
        lambda r: r.text(0, 160), digest_or_none, lambda r: r.id(16, 0), lambda r: r.id(16, 0))))
    need(m['family'] or not m['chip'], 'a chip alone')
    return m, signatures


LONG = 'digest of the long note'
MANIFEST = ('model', 'version', 'order', 'counter', 'size', 'digest', 'leaf size', 'root', 'era', 'least statement version', 'day', 'note',
            LONG, 'family', 'chip')


def keys_in(v, name):
    return [bytes.fromhex(k) for k in v.get(name, '').split()]


def manifest(v, p):
    m, signatures = manifest_of(p)
    signers(signatures, keys_in(v, 'public keys'), int(v['threshold']))
    return dict(m, **{LONG: m[LONG] or bytes(32)})  # as vectors write it


def release_keys(r):
    keys = []
    for _ in r.array(6, 1):
        need(r.head(4) == 2, 'key and uses')
        keys.append((r.bytes(32), r.number(3, 1)))
    ascending([k for k, _ in keys])
    return keys


def ascii_text(r):
    s = r.text(0, 64)
    need(s.isascii(), 'ASCII')
    return s


def pair(first, second):
    def read(r):
        need(r.head(4) == 2, 'two numbers')
        return r.number(first), r.number(second)
    return read


def trust(v, p):
    payload, signatures = sign(p, b'application/vnd.unbrick.trust+cbor', b'unbrick trust v1', 960)
    model, version, era, least, ceilings, retired, threshold, keys, online, until, name, site, support = keyed(
        payload, lambda r: r.id(32, 0), lambda r: r.number(U32, 1), lambda r: r.number(65535), pair(65535, MOST), pair(MOST, MOST),
        lambda r: ascending([r.bytes(8) for _ in r.array(3)]), lambda r: r.number(4, 1), release_keys,
        lambda r: ascending([r.bytes(32) for _ in r.array(2)]), lambda r: r.number(U32), lambda r: r.text(1, 32), ascii_text, ascii_text)
    need(all(sum(uses & use > 0 for _, uses in keys) >= threshold for use in (1, 2)), 'fewer keys than the threshold')
    slots, needed = keys_in(v, 'key slots'), int(v['threshold'])
    slots = [k for k in slots if kid(k) not in retired]
    if len(slots) < needed:
        raise Refused('retires too many')
    signers(signatures, slots, needed)
    return {'model': model, 'version': version, 'era': era, 'least era': least[0], 'least counter': least[1], 'highest order': ceilings[0],
            'highest counter': ceilings[1], 'retired': ' '.join(k.hex() for k in retired), 'threshold of releases': threshold,
            'release keys': ' '.join('%s/%d' % (k.hex(), u) for k, u in keys), 'online keys': ' '.join(k.hex() for k in online), 'until': until,
            'name': name, 'site': site, 'support': support}


def fresh(v, p):
    payload, key, signature, over = sign1(p, b'application/vnd.unbrick.fresh+cbor', b'unbrick fresh v1', 256)
    found = dict(zip(('subject', 'nonce', 'statement version', 'era', 'order', 'image', 'reason', 'time'), keyed(
        payload, lambda r: r.bytes(32), lambda r: r.bytes(16), lambda r: r.number(U32), lambda r: r.number(65535), lambda r: r.number(MOST),
        lambda r: r.bytes(32), lambda r: r.number(255), lambda r: r.number(MOST))))
    named = [k for k in keys_in(v, 'online keys') if kid(k) == key]
    if not named:
        raise Refused('unknown key')
    if not any(verifies(k, over, signature) for k in named):
        raise Refused('bad signature')
    model, serial = v['model'].encode(), v['serial'].encode()
    need(not model or found['subject'] == hashlib.sha256(b'\x82' + head(3, len(model)) + model + head(3, len(serial)) + serial).digest(), 'subject')
    return found


def receipt(v, p):
    need(len(p) <= 192, 'length')
    r = Reader(p)
    need(r.head(4) == 12, 'twelve items')
    found = {'model': r.id(), 'serial': r.id(), 'nonce': r.bytes(16), 'state': r.number(255), 'why': r.number(255), 'match': r.number(255),
             'image From': r.bytes(32), 'image To': r.bytes(32), 'sequence': r.number(U32), 'operations': r.number(U32), 'failures': r.number(U32),
             'statement version': r.number(U32)}
    r.end()
    if not verifies(bytes.fromhex(v['device key']), b'unbrick receipt v1\0' + p, bytes.fromhex(v['signature'])):
        raise Refused('bad signature')
    return found


def part_of(p, most, least=0):
    need(len(p) >= 4, 'short')
    n = struct.unpack('<I', p[:4])[0]
    need(least <= n <= most and len(p) >= 4 + n, 'length of a part')
    return p[4:4 + n], p[4 + n:]


def file(v, p):
    need(p[:8] == b'UNBRICK2', 'magic')
    statement, p = part_of(p[8:], 960)
    signed, p = part_of(p, 832, 1)
    note, image = part_of(p, 16384)
    try:
        m, signatures = manifest_of(signed)
    except Form:
        raise Form('manifest')
    need(len(image) == m['size'], 'size')
    text(note, 0, 16384, '\n')
    need((hashlib.sha256(note).digest() if note else b'') == m[LONG], 'another note')
    signers(signatures, keys_in(v, 'public keys'), int(v.get('threshold', 1)))
    if hashlib.sha256(image).digest() != m['digest'] or root(leaves(image, m['leaf size'])) != m['root']:
        raise Refused('wrong image')
    return {}


def parts(v, p):
    need(len(p) >= 12 and p[:8] == b'UNBRKPT1', 'head')
    n, zero = struct.unpack('<HH', p[8:12])
    need(1 <= n <= 16 and zero == 0 and len(p) >= 12 + 48 * n and len(p) <= 16777215, 'number of parts')
    end, total, names, found = 0, 12 + 48 * n, [], {'parts': n}
    for i in range(n):
        at, size, name, zeros = struct.unpack_from('<II32s8s', p, 12 + 48 * i)
        name = name.rstrip(b'\0')
        need(zeros == bytes(8) and size and at >= end and identifier(name, 32) and name not in names, 'entry')
        end, total, names = at + size, total + size, names + [name]
        need(end <= U32, 'end')
        found['part %d' % (i + 1)] = '%s at %#x, %d bytes' % (name.decode(), at, size)
    need(total == len(p), 'length')
    return found


def leaves(image, size):
    return [hashlib.sha256(b'\0' + struct.pack('>I', i) + image[i * size:(i + 1) * size]).digest() for i in range(-(-len(image) // size))]


def root(nodes):
    if len(nodes) == 1:
        return nodes[0]
    k = 1 << (len(nodes) - 1).bit_length() - 1
    return hashlib.sha256(b'\1' + root(nodes[:k]) + root(nodes[k:])).digest()


def tree(v, p):
    all = leaves(p, int(v['leaf size']))
    return {'leaves': len(all), 'last leaf': all[-1], 'root': root(all)}


def points(v, p):
    need([tuple(int(n, 16) for n in line.split()) for line in p.decode().splitlines()] == POINTS, 'table')
    return {}


KINDS = {'manifest': (manifest, 'malformed'), 'trust': (trust, 'malformed statement'), 'fresh': (fresh, 'malformed freshness'),
         'receipt': (receipt, 'malformed receipt'), 'file': (file, 'malformed file'), 'parts': (parts, 'malformed parts'), 'tree': (tree, ''),
         'code points': (points, '')}


def check(path):
    """What a vector tells otherwise than the document, as lines."""
    with open(path, 'rb') as f:
        top, _, p = f.read().partition(b'\n\n')
    v = dict(line.partition(': ')[::2] for line in top.decode().splitlines())
    read, malformed = KINDS[v['kind']]
    try:
        found = dict(read(v, p), expect='accepted') if malformed else read(v, p)
    except Form:
        found = {'expect': malformed}
    except Refused as e:
        found = {'expect': str(e)}
    found = {k: x.hex() if isinstance(x, bytes) else str(x) for k, x in found.items()}
    return ['%s: %s: by the document %r, here %r' % (path, k, x, v.get(k)) for k, x in found.items() if v.get(k) != x]


if __name__ == '__main__':
    said = [line for path in sys.argv[1:] for line in check(path)]
    print('\n'.join(said), end='\n' if said else '')
    sys.exit(1 if said else 0)
