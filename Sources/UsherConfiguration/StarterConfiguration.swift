/// What `usher init` writes: a configuration that can be used as it is, with the keys that are needed first.
public let starterConfiguration = """
    # Usher's configuration. `usher check` says what is wrong with it, `usher run` serves it.
    # Durations have units (250ms, 2s, 5m, 1h, 30d), sizes too (16KiB, 1GiB). Values behind a # are the defaults.
    # ${NAME} and ${NAME:-default} take environment variables. `usher schema` lists every key.

    # workers: 2                     # event loops; default: one per core
    # state: .usher                  # what outlives a run
    # admin: 127.0.0.1:9900          # metrics, API and console
    # log: { access: access.log, format: json, level: info }

    listeners:
      - address: 127.0.0.1:8080      # 0.0.0.0:8080 for everybody, unix:/path for a socket
        # trusted-proxies: [10.0.0.0/8]    # whose X-Forwarded-For is believed
        # proxy-protocol: false      # true: these, and nobody else, begin with a PROXY header
      # With TLS, and HTTP/2 inside it (`usher dev-cert` makes a certificate for your own machine):
      # - address: 0.0.0.0:8443
      #   tls: { certificates: [{ chain: certs/site.pem, key: certs/site.key }], hsts: 180d }
      # - { address: 0.0.0.0:8081, redirect: https }

    services:
      web:
        replicas: [127.0.0.1:9001, 127.0.0.1:9002]
        # Or let Usher start them; {port} stands for the port each must listen on:
        # replicas: { run: [python3, app.py, --port, "{port}"], count: 3 }
        # Or find them by a name, again and again: name:port, or _http._tcp.name for SRV records.
        # replicas: { dns: "web.internal:9000", every: 5s }
        # Or, instead of `replicas`, `sharded` parts the data among shards that have replicas of their own.
        # balance: least-requests    # round-robin | random | least-requests | latency
        # readiness: { path: /ready, interval: 2s, timeout: 1s, rise: 2, fall: 3 }
        # ejection: { failures: 5, share: 50%, for: 10s, at-most: 50% }    # or none
        # panic: 0%                  # at or below this ready share, replicas that once were ready are used
        # slow-start: 10s            # a replica that comes back grows to its full part
        # session: { cookie: usher-session, ttl: 1h }    # requests of one user reach one replica; default: none
        # session: { hash: [source-address] }            # or by what the request has
        # session: { follow: "{cookie.SID}" }            # or by the application's own cookie
        # retries: { attempts: 2, budget: 20%, floor: 10/s }
        # timeouts: { connect: 1s, response: 30s, total: 60s, idle: 60s }
        # connections: { per-replica: 256, queue: 128, keep: 60s }
        # tls: { verify: system }    # speak TLS to the replicas; or verify: certs/internal-ca.pem

    routes:                          # the first that matches wins; none: 404
      # - match: { host: api.example.com, path: /v1/*, methods: [GET, POST] }
      #   strip-prefix: /v1
      #   service: web
      # - match: { path: /old }
      #   redirect: { to: /new, status: 308 }
      - match: { path: /healthz }
        respond: { status: 200, body: "ok\\n" }
      - service: web                 # no match: everything else

    """
