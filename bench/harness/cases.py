"""The load cases as data: what is asked for, over which protocol, and which program asks."""

import dataclasses

from .contenders import PROXIES


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of load: so many connections at once, each with so many requests at once, for one path.

    `proxies` are those that it is for. With `cached`, every answer has to come from the proxy's cache.

    `upload` is the size of each request's body (0: a GET). A handshake case opens a connection for each request; `tls`
    is its only version of TLS, and `resumed` whether it offers the ticket of the connection before.
    """

    name: str
    title: str
    path: str
    tool: str = "wrk"
    scheme: str = "http"
    protocol: str = "HTTP/1.1"
    connections: int = 64
    streams: int = 1
    upload: int = 0
    tls: str = ""
    resumed: bool = False
    proxies: tuple = tuple(PROXIES)
    cached: bool = False

    @property
    def unit(self):
        """What the CPU time is divided by."""
        return "connection" if self.tls else "request"


def multiplexed(name, title, scheme):
    """A case over HTTP/2 with ten streams on each connection."""
    return Case(name, title, "/bytes/100", "h2load", scheme, "HTTP/2", connections=16, streams=10)


def hit(name, title, size):
    """A case whose answers, of so many bytes, are all in the proxy's cache; Envoy has none that is fit for use."""
    return Case(name, title, f"/cached/{size}", proxies=("nginx", "haproxy", "varnish", "usher"), cached=True)


def handshake(tls, resumed):
    """A case of connections with one request each, which the proxy answers itself."""
    kind = "resumed" if resumed else "full"
    title = f"TLS {tls}, {kind} handshake"
    return Case(f"tls-{kind}-{tls}", title, "/local", "handshakes", "https", connections=8, tls=tls, resumed=resumed)


GET_100 = Case("get-100", "GET, 100 B answer", "/bytes/100")
LIMITED = Case(
    "quota-100", "GET, 100 B answer, a quota by client address", "/limited/100", proxies=("nginx", "haproxy", "usher")
)
REPLICATED = Case("spread-100", "GET, 100 B answer of one of four replicas", "/spread/{n}/100")
SHARDED = Case("shard-100", "GET, 100 B answer of one of four shards", "/sharded/{n}/100")
TLS_H1 = Case("tls-h1", "GET, 100 B answer, HTTP/1.1 over TLS", "/bytes/100", scheme="https")
TLS_H2 = multiplexed("tls-h2", "GET, 100 B answer, HTTP/2 over TLS", "https")
IDLE_TLS_CASES = [TLS_H1, TLS_H2]
HANDSHAKES = [handshake(tls, resumed) for resumed in (False, True) for tls in ("1.3", "1.2")]
CASES = [
    GET_100,
    Case("get-16k", "GET, 16 KiB answer", f"/bytes/{16 << 10}"),
    Case("get-1m", "GET, 1 MiB answer", f"/bytes/{1 << 20}"),
    Case("post-100k", "POST, 100 KiB upload", "/upload", upload=100 << 10),
    TLS_H1,
    TLS_H2,
    LIMITED,
    REPLICATED,
    SHARDED,
    hit("cache-100", "GET, 100 B answer from the cache", 100),
    hit("cache-64k", "GET, 64 KiB answer from the cache", 64 << 10),
    Case("quota-redis", "GET, 100 B answer, a quota in Redis", "/shared/100", proxies=("usher",)),
    multiplexed("h2c", "GET, 100 B answer, HTTP/2 in the clear", "http"),
    *HANDSHAKES,
]
