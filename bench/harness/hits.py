"""Proof that answers come from a proxy's cache: it says so itself, and nobody asks the origin meanwhile."""

import re
import time
import urllib.request

from .processes import BenchError

# The field in which each proxy tells, and what stands in it for a hit. Varnish names two requests: this one, and the
# one that brought the answer.
HIT_FIELDS = {
    "nginx": ("X-Cache-Status", r"HIT"),
    "haproxy": ("X-Cache-Status", r"HIT"),
    "varnish": ("X-Varnish", r"\d+ \d+"),
    "usher": ("Cache-Status", r".*; hit.*"),
}
WARMING = 20


def warm(contender, case):
    """Asks until the answer comes from the cache."""
    for _ in range(WARMING):
        if is_hit(contender, case):
            return
        time.sleep(0.05)
    raise BenchError(f"does not answer {case.path} from its cache")


def is_hit(contender, case):
    """Whether the proxy says that this answer comes from its cache."""
    name, pattern = HIT_FIELDS[contender.name]
    with urllib.request.urlopen(contender.url(case), timeout=5) as answer:
        answer.read()
        return re.fullmatch(pattern, answer.headers.get(name, "")) is not None


def origin_requests(contender):
    """How many requests the origin has had, this one included."""
    with urllib.request.urlopen(f"http://127.0.0.1:{contender.values['ORIGIN_PORT']}/asked", timeout=5) as answer:
        return int(answer.read().split(b"\n")[2].split()[2])


def all_hits(contender, case, action):
    """The action's result; an error when one of the answers meanwhile did not come from the cache."""
    warm(contender, case)
    before = origin_requests(contender)
    result = action()
    asked = origin_requests(contender) - before - 1
    if asked or not is_hit(contender, case):
        raise BenchError(f"{asked} requests for {case.path} went to the origin: not all answers are from the cache")
    return result
