"""A reader of the cable's packets and frames, written from docs/commands.md and docs/cable.md alone. For tests:

    read.py VECTOR...    reads vectors and says where what they tell is not what the documents say; then it ends with 1
"""
import base64
import binascii
import os
import re
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', 'release', 'testdata'))
from signed import Form, identifier, need, text

MOST = 2**53 - 1


def item(p, at=0):
    """A CBOR item, in any encoding, and where it ends. Texts are str, what stands for break is Ellipsis."""
    need(at < len(p), 'short')
    major, low, at = p[at] >> 5, p[at] & 31, at + 1
    n, open_ended = low, low == 31
    if 24 <= low < 28:
        n, at = int.from_bytes(p[at:at + (1 << low - 24)], 'big'), at + (1 << low - 24)
    need(at <= len(p) and (low < 28 or open_ended and major in (2, 3, 4, 5, 7)), 'head')
    if major in (0, 1):
        return (n, -1 - n)[major], at
    if major in (2, 3):
        if open_ended:
            parts, at = items(p, at, None)
            need(all(isinstance(b, (bytes, str)[major - 2]) for b in parts), 'pieces')
            return (b'', '')[major - 2].join(parts), at
        need(at + n <= len(p), 'short')
        b = p[at:at + n]
        return (text_of(b) if major == 3 else b), at + n
    if major == 4:
        return items(p, at, None if open_ended else n)
    if major == 5:
        pairs, at = items(p, at, None if open_ended else 2 * n)
        need(len(pairs) % 2 == 0 and all(isinstance(k, str) for k in pairs[::2]), 'keys')
        return dict(zip(pairs[::2], pairs[1::2])), at  # of two the last counts
    if major == 6:
        return item(p, at)
    return {20: False, 21: True, 22: None, 31: Ellipsis}.get(low, 0.5), at


def text_of(b):
    try:
        return b.decode('utf-8')
    except UnicodeDecodeError:
        raise Form('UTF-8')


def items(p, at, n):
    found = []
    while n is None or len(found) < n:
        v, at = item(p, at)
        if v is Ellipsis:
            need(n is None, 'break')
            return found, at
        found.append(v)
    return found, at


# What a value may be.
def num(most, least=0):
    return lambda v: type(v) is int and least <= v <= most


def byt(most, least=0, of=1):
    return lambda v: type(v) is bytes and least <= len(v) <= most and len(v) % of == 0


def string(most):
    return lambda v: type(v) is str and len(v.encode()) <= most


def ident(v):
    return type(v) is str and bool(identifier(v.encode(), 32))


def flag(v):
    return type(v) is bool


def each(most, rule, of=1):
    return lambda v: type(v) is list and len(v) <= most * of and len(v) % of == 0 and all(rule(x) for x in v)


def area(v):
    if not (type(v) is list and len(v) == 3 and type(v[0]) is str and u32(v[1]) and u32(v[2])):
        return False
    text(v[0].encode(), 0, 32)
    return True


def image(v):
    return type(v) is dict and body(v, {'?image': u32, '?slot': u32, '?version': string(48), '?hash': byt(64), '?bootable': flag, '?pending': flag,
                                        '?confirmed': flag, '?active': flag, '?permanent': flag})


u8, u16, u32 = num(255), num(65535), num(2**32 - 1)
EMPTY = {}
STATUS = dict({'phase': u8, 'code': u16, '?era': u16, '?floor': num(MOST)}, **{'?' + k: u32 for k in 'addr done total files ops fail fresh doubt ms'.split()})
IDENTITY = {
    'v': u32, 'model': ident, 'serial': ident, 'keys': lambda v: each(4, byt(32, 32))(v) and v, 'th': num(4, 1), '?s': num(960), '?tv': u32, '?dk': byt(32, 32),
    '?reads': u16, '?completes': flag, '?stages': u8, '?staging': lambda v: each(2, u32)(v) and len(v) == 2 and v[1], 'boot': u32, 'runs': each(32, u32, 2),
    'unit': u32, 'page': u32, 'erased': u8, '?blocks': each(4, u32), '?settings': each(8, area), '?erase': flag, 'ram': u32, '?resident': u32, '?buf': u32,
    '?frames': u32, '?speed': u32, 'state': u8, 'match': u8, '?why': u8, '?confirmed': flag, '?from': num(832), '?to': num(832), 'era': u16, 'floor': num(MOST),
    'doubt': u32}
BODIES = {  # by group and command: of the request, of the answer
    (0, 0): ({'?d': string(64)}, {'?r': string(64)}), (0, 5): (EMPTY, EMPTY), (0, 6): (EMPTY, {'buf_size': num(65536, 96), 'buf_count': num(2**32 - 1, 1)}),
    (0, 8): ({'?query': string(64)}, {'bootloader': string(64)}), (1, 0): (EMPTY, {'images': each(8, image)}),
    (1, 1): ({'?image': u32, '?len': u32, 'off': u32, '?sha': byt(64), 'data': byt(65535)}, {'off': u32}),
    0: (EMPTY, IDENTITY), 1: ({'part': num(2), '?off': u32}, {'len': num(960), 'off': num(960), 'data': byt(960)}),
    2: ({'lvl': num(4), 'at': u32, 'n': num(240), '?of': u32}, {'at': u32, 'data': byt(1920, 0, 8), '?bad': byt(30)}),
    3: ({'manifest': byt(832), '?parts': flag, '?asis': flag}, STATUS), 4: ({'at': u32, 'data': byt(1792, 0, 32)}, EMPTY),
    5: ({'n': u32, 'size': u32, 'sha': byt(32, 32), 'work': u32, 'block': u32, '?last': flag}, {'off': u32}),
    6: ({'n': u32, 'off': u32, 'data': byt(1920)}, {'off': u32}), 7: (EMPTY, STATUS), 8: (EMPTY, STATUS), 9: (EMPTY, EMPTY),
    10: ({'off': u32, 'n': num(1920)}, {'off': u32, 'data': byt(1920)}), 11: ({'at': u32, 'n': u32}, {'at': u32, 'n': u32, 'done': u32}),
    12: ({'v': num(1, 1), '?speed': u32}, {'speed': u32, 'block': u32, 'ahead': u32}), 13: ({'nonce': byt(16, 16)}, {'receipt': byt(192), 'sig': byt(64, 64)}),
    14: ({'d': byt(960)}, EMPTY)}


def body(m, rules):
    for key, rule in rules.items():
        name = key.lstrip('?')
        need(name in m or key != name, 'a key is missing')
        need(name not in m or rule(m[name]), name)
    return True


def layout(m):
    """Whether the boot area ends with a sector of the part."""
    end = 0
    for size, count in zip(m['runs'][::2], m['runs'][1::2]):
        if end <= m['boot'] <= end + size * count:
            return (m['boot'] - end) % size == 0
        end += size * count
    return False


def packet(p):
    """Header and body, a map."""
    need(len(p) >= 8 and p[0] < 32 and p[0] & 7 < 4 and int.from_bytes(p[2:4], 'big') == len(p) - 8, 'packet')
    op, group, command = p[0] & 7, int.from_bytes(p[4:6], 'big'), p[7]
    rules = BODIES[command if group == 21826 else (group, command)][op & 1]
    m, end = item(p, 8) if len(p) > 8 else ({}, 8)
    need(type(m) is dict and end == len(p), 'map')
    if op & 1 and ('err' in m or m.get('rc')):
        return op, ('group %d, %d' % (m['err']['group'], m['err']['rc']) if 'err' in m else 'rc %d' % m['rc'])
    body(m, rules)
    if rules is IDENTITY:
        need(m['th'] <= len(m['keys']) and layout(m), 'threshold or layout')
    if op == 1 and group == 21826 and command == 1:
        need(m['off'] + len(m['data']) <= m['len'], 'end')
    if op == 1 and group == 21826 and command == 2:
        need(len(m.get('bad', b'')) in (0, (len(m['data']) // 8 + 7) // 8), 'bits')
    if op == 3 and group == 21826 and command == 11:
        need(m['done'] <= m['n'], 'done')
    return op, m


def framed(p):
    raw = (len(p) + 2).to_bytes(2, 'big') + p + binascii.crc_hqx(p, 0).to_bytes(2, 'big')
    lines, mark = '', r'\x06\x09'
    while raw:
        n = min(93, len(raw))
        if 0 < len(raw) - n < 3:
            n = 90
        lines, raw, mark = lines + mark + base64.b64encode(raw[:n]).decode() + '\n', raw[n:], r'\x04\x14'
    return lines


def unhex(s):
    return bytes.fromhex(s.replace('\n', ''))


def check(path):
    """What a vector tells otherwise than the documents, as a line."""
    with open(path, encoding='utf-8') as f:
        top, *parts = f.read().split('\n\n')
    v = dict(line.partition(': ')[::2] for line in top.splitlines())
    p = unhex(parts[0])
    try:
        op, m = packet(p)
    except Form as e:
        return None if 'refused' in v else 'refused: %s' % e
    if 'refused' in v:
        return 'accepted'
    if 'error' in v:
        return None if m == v['error'] else m
    if 'taken' in v:
        return None if m.items() >= packet(unhex(parts[1]))[1].items() else 'another body'
    return None if framed(p) == parts[1] else 'frames are\n' + framed(p)


if __name__ == '__main__':
    said = ['%s: by the documents %s' % (path, found) for path in sys.argv[1:] for found in [check(path)] if found]
    print('\n'.join(said), end='\n' if said else '')
    sys.exit(1 if said else 0)
