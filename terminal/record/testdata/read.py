"""A reader of records, written from docs/record.md alone. For tests:

    read.py VECTOR...    reads vectors and says where what they tell is not what the document says; then it ends with 1
"""
import struct
import sys
import zlib

SECTOR = 4096
BODY = struct.Struct('<IBBBBIIQHHHHHBBBBBBIII32s32s8IIII32s')
INSTALLED, REWRITING = 1, 2
COMMIT, SEAL, MARK, COPIED = 0xA5C30000, 0xA5C40000, 0x5A00, 0x5B00
LOOKS = 16


class Refused(Exception):
    """Why bytes are no body."""


def need(ok, why):
    if not ok:
        raise Refused(why)


class Body:
    """The body that p begins with."""

    def __init__(b, p):
        need(len(p) >= BODY.size + 5, 'short')
        f = list(BODY.unpack_from(p))
        magic, version, b.state, flags, b.phase, b.sequence, b.length, b.counter, b.era = f[:9]
        b.from_, b.to, b.statement, named, deads, b.verdict, b.fault, b.tries, b.kind, zero = f[9:19]
        b.erases, b.record_erases, b.failures = f[19:22]
        dead = f[24:32]
        b.batch, b.size, b.place, digest = f[32:]
        need(magic == 0x43524255, 'magic')
        need(version == 2, 'version')
        need(b.state in (INSTALLED, REWRITING), 'state')
        need(flags & ~3 == 0, 'flags')
        b.confirmed, b.doubt_of_all = bool(flags & 1), bool(flags & 2)
        need(b.phase <= 2 and (b.phase == 0 or b.state == REWRITING), 'phase')
        need(b.counter < 1 << 53, 'floor')
        need(b.from_ <= 832 and 1 <= b.to <= 832 and b.statement <= 960, 'length of a part')
        need(named <= 128 and deads <= 8 and zero == 0, 'counts')
        need(not any(dead[deads:]), 'address behind the last')
        b.dead = dead[:deads]
        if b.phase == 0:
            need(not (b.tries or b.kind or b.batch or b.size or b.place or any(digest)), 'staged, but not staging')
        else:
            need(b.kind in (1, 2) and b.batch < 4096 and 1 <= b.size <= 67108864, 'staged file')
        at = BODY.size + b.from_ + b.to + b.statement
        need(b.length == at + 2 * named + 4 and b.length <= len(p), 'length')
        b.doubtful = list(struct.unpack_from('<%dH' % named, p, at))
        b.crc = p[b.length - 4:b.length]
        need(struct.unpack('<I', b.crc)[0] == zlib.crc32(p[:b.length - 4]), 'CRC')


class Sector:
    """A record sector. unreadable are the offsets of units that cannot be read."""

    def __init__(s, cells, unit, erased, unreadable):
        s.cells, s.unit, s.erased, s.unreadable = cells, unit, erased, unreadable
        s.slot = max(8, unit)
        s.body = None
        try:
            body = Body(s.readable())
        except Refused:
            return
        s.commit = -(-body.length // unit) * unit
        s.seal, s.first = s.commit + s.slot, s.commit + 2 * s.slot
        s.count = max(0, min(256, (SECTOR - s.first) // s.slot))
        if s.entry(s.commit, body) == COMMIT:
            s.body = body

    def readable(s):
        """The bytes before the first that cannot be read."""
        return s.cells[:min(s.unreadable, default=SECTOR)]

    def read(s, at, n):
        """n bytes, or None: they cannot be read."""
        if any(at < bad + s.unit and bad < at + n for bad in s.unreadable):
            return None
        return s.cells[at:at + n]

    def blank(s, at, n):
        return s.read(at, n) == bytes([s.erased]) * n

    def entry(s, at, body):
        """The tag of the entry at an offset; 0: there is none; None: it cannot be read."""
        p = s.read(at, 8)
        if p is None:
            return None
        tag, crc = struct.unpack('<II', p.ljust(8, b'\0'))
        return tag if crc == zlib.crc32(p[:4] + body.crc) else 0

    def sealed(s):
        """Whether anything is behind the commit mark."""
        return not s.blank(s.seal, s.slot * (1 + s.count))


def counts(both):
    """The index of the sector whose record counts, or None."""
    found = [i for i in (0, 1) if both[i].body]
    if len(found) < 2:
        return found[0] if found else None
    newer = int(both[1].body.sequence > both[0].body.sequence)
    return newer if both[newer].sealed() else 1 - newer


def doubtful(s, sectors, image):
    """The doubtful sectors by the record in s, and the batch that was copied last, or -1."""
    b = s.body
    doubt = set(b.doubtful)
    if b.doubt_of_all:
        behind = image if b.doubtful and b.state == INSTALLED else 0
        doubt |= set(range(behind, sectors))
    last, copied = None, -1
    for k in range(s.count):
        tag = s.entry(s.first + k * s.slot, b)
        if tag is None:
            if last is not None:  # whatever was marked before stays doubtful
                doubt.add(last)
            last = None
        elif tag >> 16 in (MARK, COPIED):
            doubt.discard(last)
            last = tag & 0xFFFF if tag >> 16 == MARK else None
            if tag >> 16 == COPIED:
                copied = tag & 0xFFFF
    if last is not None:
        doubt.add(last)
    return sorted(d for d in doubt if d < sectors), copied


def numbers(all):
    return ' '.join(map(str, all))


def read_body(header, data):
    p = bytes.fromhex(data)
    try:
        b = Body(p)
        need(b.length == len(p), 'bytes behind it')
    except Refused:
        return {'verdict': 'refused'}
    return {
        'verdict': 'accepted', 'sequence': str(b.sequence), 'state': ('installed', 'rewriting')[b.state - 1],
        'confirmed': str(b.confirmed).lower(), 'doubt of all': str(b.doubt_of_all).lower(), 'floor': numbers((b.era, b.counter)),
        'lengths': numbers((b.from_, b.to, b.statement)), 'doubtful': numbers(b.doubtful), 'dead': numbers(b.dead),
        'report': numbers((b.verdict, b.fault, b.erases, b.record_erases, b.failures)),
        'staging': numbers((b.phase, b.tries, b.kind, b.batch, b.size, b.place)),
    }


def read_sectors(header, data):
    unit, erased, sectors = int(header['program unit']), int(header['erased'], 16), int(header['sectors of software'])
    image = int(header['image of the installed release'].split()[0])
    cells = [bytearray([erased]) * SECTOR for _ in (0, 1)]
    for line in data.splitlines():
        i, at, p = line.split()
        p, at = bytes.fromhex(p), int(at, 16)
        cells[int(i)][at:at + len(p)] = p
    bad = [list(map(int, header['unreadable units of %d' % i].split())) for i in (0, 1)]
    both = [Sector(bytes(cells[i]), unit, erased, bad[i]) for i in (0, 1)]
    n = counts(both)
    if n is None:
        return {'counts': 'nothing', 'ended': 'false', 'copied': '-1', 'doubtful': numbers(range(sectors))}
    b, other = both[n].body, both[1 - n]
    if other.body:
        ended = other.body.sequence < b.sequence
    else:
        ended = b.sequence == 1 and other.blank(0, SECTOR)
    doubt, copied = doubtful(both[n], sectors, image)
    return {
        'counts': 'sequence %d, %s' % (b.sequence, ('installed', 'rewriting')[b.state - 1]), 'ended': str(ended).lower(),
        'copied': str(copied), 'doubtful': numbers(doubt),
    }


def check(path):
    """What a vector tells otherwise than the document, as lines."""
    with open(path, encoding='ascii') as f:
        head, _, data = f.read().partition('\n\n')
    header = {}
    for line in head.splitlines():
        name, _, value = line.partition(':')
        header[name] = value.strip()
    kind = {'body': read_body, 'sectors': read_sectors}.get(header.get('kind'))
    if not kind:
        return ['%s: of no kind' % path]
    found = kind(header, data)
    return ['%s: %s: by the document %r, here %r' % (path, k, v, header.get(k)) for k, v in found.items() if header.get(k) != v]


if __name__ == '__main__':
    said = [line for path in sys.argv[1:] for line in check(path)]
    print('\n'.join(said), end='\n' if said else '')
    sys.exit(1 if said else 0)
