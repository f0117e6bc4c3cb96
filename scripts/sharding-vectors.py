#!/usr/bin/env python3
"""Computes the tables of docs/sharding-vectors.md from the definitions on that page, with nothing but hashlib.

Prints the page's tables; `--check` compares them with the page instead.
"""

import bisect
import hashlib
import pathlib
import struct
import sys

WORD = (1 << 64) - 1
SHARD_KEY = (0x7573686572207368, 0x617264206B657920)
SHARD_NAME = (0x7573686572207368, 0x617264206E616D65)

EQUAL = [(f"s{number}", 1) for number in range(10)]
WEIGHTED = [("s0", 1), ("s1", 2), ("s2", 4)]
STARTS = [(b"", "a"), (b"c", "b"), (b"ca", "a"), (b"m", "c"), (b"\x80", "b"), (b"\xff\xff", "c")]
KEYS = [(f"`user-{number}`", f"user-{number}".encode()) for number in range(1, 13)] + [
    ("empty", b""),
    ("`/orders/2026/7?page=2`", b"/orders/2026/7?page=2"),
    ("`東京`", "東京".encode()),
    ("bytes `00`", b"\0"),
    ("bytes `ff fe 80`", b"\xff\xfe\x80"),
    ("`a` 8192 times", b"a" * 8192),
]
RANGE_KEYS = [
    ("empty", b""),
    ("bytes `00`", b"\0"),
    ("`bzz`", b"bzz"),
    ("`c`", b"c"),
    ("`c!`", b"c!"),
    ("`ca`", b"ca"),
    ("`lzz`", b"lzz"),
    ("`user-1`", b"user-1"),
    ("`東京`", "東京".encode()),
    ("bytes `7f ff`", b"\x7f\xff"),
    ("bytes `ff fe 80`", b"\xff\xfe\x80"),
    ("bytes `ff ff`", b"\xff\xff"),
    ("`a` 8192 times", b"a" * 8192),
]


def siphash(key, data, wide=False):
    """SipHash-2-4: 64 bits, or both words of 128."""
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v = [constant ^ key[index % 2] for index, constant in enumerate(constants)]
    v[1] ^= 0xEE if wide else 0

    def rounds(count):
        def add(a, b, turn):
            v[a] = (v[a] + v[b]) & WORD
            v[b] = (v[b] << turn | v[b] >> 64 - turn) & WORD
            v[b] ^= v[a]

        for _ in range(count):
            add(0, 1, 13)
            v[0] = (v[0] << 32 | v[0] >> 32) & WORD
            add(2, 3, 16)
            add(0, 3, 21)
            add(2, 1, 17)
            v[2] = (v[2] << 32 | v[2] >> 32) & WORD

    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xEE if wide else 0xFF
    rounds(4)
    first = v[0] ^ v[1] ^ v[2] ^ v[3]
    if not wide:
        return first
    v[1] ^= 0xDD
    rounds(4)
    return first, v[0] ^ v[1] ^ v[2] ^ v[3]


def shard_hash(key):
    return siphash(SHARD_KEY, key)


def fraction(mantissa):
    """56 binary places of log2(mantissa / 2**63), by squaring."""
    result = 0
    for _ in range(56):
        mantissa = mantissa * mantissa >> 63
        result <<= 1
        if mantissa >> 64:
            mantissa >>= 1
            result |= 1
    return result


LOGARITHMS = [fraction((1 << 63) + (place << 51)) for place in range(4096)] + [1 << 56]


def cost(value):
    """-log2(value / 2**64) with 56 binary places, straight between 4,096 places of each octave."""
    value = max(value, 1)
    zeros = 64 - value.bit_length()
    behind = value << zeros + 1 & WORD
    low, high = LOGARITHMS[behind >> 52], LOGARITHMS[(behind >> 52) + 1]
    return (zeros + 1 << 56) - low - ((high - low) * (behind << 12 & WORD) >> 64)


def rendezvous(shards, key):
    """All names, the owner first."""

    def rank(shard):
        name, weight = shard
        tag = siphash(SHARD_NAME, name.encode())
        mixed = shard_hash(key) ^ tag
        mixed = (mixed ^ mixed >> 32) * 0x9FB21C651E98DF25 & WORD
        mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 & WORD
        # Costs over weights, on the common denominator of all weights here.
        return cost(mixed) * (4 // weight), -mixed, -weight, tag

    return [name for name, _ in sorted(shards, key=rank)]


def maglev(shards):
    sizes = [65_537, 262_147, 1_048_583, 4_194_319, 8_388_617]
    size = next(size for size in sizes if size >= 100 * len(shards))
    total = sum(weight for _, weight in shards)
    hashes = [siphash(SHARD_NAME, name.encode(), wide=True) for name, _ in shards]
    turns = [[offset % size, skip % (size - 1) + 1] for offset, skip in hashes]
    credits = [0] * len(shards)
    table = [None] * size
    left = size
    while left:
        for index, (name, weight) in enumerate(shards):
            credits[index] += weight * len(shards)
            while credits[index] >= total and left:
                credits[index] -= total
                while table[turns[index][0]] is not None:
                    turns[index][0] = sum(turns[index]) % size
                table[turns[index][0]] = name
                left -= 1
    return table


def single(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def ring(shards):
    total = sum(weight for _, weight in shards)
    points = []
    for name, weight in shards:
        part = single(single(weight) / single(total))
        digests = single(single(single(single(part * 160) / 4) * len(shards)) + 1e-10)
        for number in range(int(digests)):
            words = struct.unpack("<4I", hashlib.md5(f"{name}-{number}".encode()).digest())
            points += [(word, name) for word in words]
    return sorted(points)


def ring_order(points, key):
    start = bisect.bisect_left(points, (struct.unpack("<I", hashlib.md5(key).digest()[:4])[0], ""))
    return list(dict.fromkeys(name for _, name in points[start:] + points[:start]))


def jump(key, buckets):
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        key = (key * 2862933555777941757 + 1) & WORD
        following = int((bucket + 1) * (float(1 << 31) / float((key >> 33) + 1)))
    return bucket


def tables():
    places, points = maglev(EQUAL), ring(EQUAL)
    yield "| key | hash | rendezvous | maglev | ring | jump | modulo |\n| --- | --- | --- | --- | --- | --- | --- |"
    for shown, key in KEYS:
        value = shard_hash(key)
        owners = [rendezvous(EQUAL, key)[0], places[value % len(places)], ring_order(points, key)[0]]
        owners += [f"s{jump(value, 10)}", f"s{value % 10}"]
        yield f"| {shown} | `{value:016x}` | {' | '.join(owners)} |"
    places, points = maglev(WEIGHTED), ring(WEIGHTED)
    yield "| key | rendezvous, in order | maglev | ring, in order |\n| --- | --- | --- | --- |"
    for shown, key in KEYS:
        owners = [" ".join(rendezvous(WEIGHTED, key)), places[shard_hash(key) % len(places)]]
        yield f"| {shown} | {owners[0]} | {owners[1]} | {' '.join(ring_order(points, key))} |"
    yield "| key | ranges |\n| --- | --- |"
    for shown, key in RANGE_KEYS:
        yield f"| {shown} | {max((start, name) for start, name in STARTS if start <= key)[1]} |"


if __name__ == "__main__":
    lines = "\n".join(tables()).split("\n")
    if "--check" not in sys.argv:
        print("\n".join(lines))
    else:
        page = pathlib.Path(__file__).parent.parent / "docs" / "sharding-vectors.md"
        shown_lines = [line for line in page.read_text().split("\n") if line.startswith("| ")]
        sys.exit(0 if shown_lines == lines else "docs/sharding-vectors.md has other values")
