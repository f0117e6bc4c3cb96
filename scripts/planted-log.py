#!/usr/bin/env python3
"""Writes an access log whose answers depend on what is said, so that the right shard key is known.

    scripts/planted-log.py country 1000000 > access.log
    scripts/planted-log.py --countries > countries.csv
    usher advise access.log --countries countries.csv

What answers depend on: path; country, address, identity or tenant, each with the path. Random numbers repeat from a
seed, the third argument.
"""

import bisect
import hashlib
import random
import sys
import time

COUNTRIES = ["FR", "DE", "US", "GB", "ES", "IT", "JP", "BR"]
BLOCKS = [(f"{20 + i}.{j}", country) for i, country in enumerate(COUNTRIES) for j in range(4)]
AGENTS = ["Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", "curl/8.1", "Mozilla/5.0 (iPhone) Mobile/15E148"]
TRUTHS = ["path", "country", "address", "identity", "tenant"]
SIZES = {}


def size(*basis):
    """The answer's size: the same for the same basis."""
    if basis not in SIZES:
        digest = hashlib.blake2b(repr(basis).encode(), digest_size=4).digest()
        SIZES[basis] = 500 + int.from_bytes(digest, "big") % 60_000
    return SIZES[basis]


def lines(truth, count, seed):
    chance = random.Random(seed)
    paths = [f"/{chance.choice(['shop', 'doc', 'api'])}/{chance.choice('abcde')}/{i}" for i in range(2000)]
    weights = [1 / (i + 1) ** 0.9 for i in range(len(paths))]
    total = [0.0]
    for weight in weights:
        total.append(total[-1] + weight)
    clients = []
    for _ in range(20_000):
        block, country = chance.choice(BLOCKS)
        clients.append((f"{block}.{chance.randrange(64)}.{chance.randrange(256)}", country))
    for number in range(count):
        path = paths[min(bisect.bisect_left(total, chance.random() * total[-1]), len(paths)) - 1]
        address, country = clients[int(len(clients) * chance.random() ** 2)]
        user, query, bytes_out = "-", "", size(path)
        if truth == "country":
            bytes_out = size(path, country)
        elif truth == "address":
            bytes_out = size(path, address)
        elif truth == "identity":
            user = f"user{int(3000 * chance.random() ** 2)}"
            bytes_out = size(path, user)
        elif truth == "tenant":
            tenant = int(50 * chance.random() ** 2)
            query = f"?tenant=t{tenant}&utm={chance.randrange(1000)}"
            bytes_out = size(path, tenant)
        moment = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(1_790_000_000 + number // 2000))
        yield (
            f'{address} - {user} [{moment}] "GET {path}{query} HTTP/1.1" 200 {bytes_out} "-" '
            f'"{AGENTS[int(3 * chance.random())]}" {chance.expovariate(50):.3f}\n'
        )


def main():
    if sys.argv[1:] == ["--countries"]:
        sys.stdout.writelines(f"{block}.0.0/16,{country}\n" for block, country in BLOCKS)
    elif len(sys.argv) in (3, 4) and sys.argv[1] in TRUTHS:
        sys.stdout.writelines(lines(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) == 4 else 1))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
