/// A configuration with every key of the language, none at its default.
let completeConfiguration = """
    workers: 3
    state: var/state
    secret: { file: keys/secret }
    admin: { address: "[::1]:9901", metrics: open }
    log: { access: stdout, format: combined, level: warning, audit: logs/audit.log }
    limits:
      head: 32KiB
      request-line: 4KiB
      fields: 50
      head-time: 5s
      body: 10MiB
      body-rate: 1KiB/s
      idle: 30s
      connections: 1000
      connections-per-client: 16
      new-connections-per-client: { rate: 20/s, burst: 50 }
      allow: lists/allow.txt
      deny: lists/deny.txt
      memory: 1GiB
    listeners:
      - address: 8081
        trusted-proxies: [10.0.0.0/8, "fd00::/8", 192.0.2.1]
        proxy-protocol: true
        redirect: none
      - address: unix:run/usher.sock
      - address: 8082
        redirect: https
      - address: 8443
        tls:
          certificates:
            - { chain: certs/site.pem, key: certs/site.key }
            - { chain: certs/site-rsa.pem, key: certs/site-rsa.key }
          minimum: "1.3"
          client-ca: certs/ca.pem
          client-certificate: request
          hsts: 365d
    identities:
      classes: [gold, silver]
      keys: { header: X-Key, file: keys.yaml }
      jwt:
        jwks: https://id.example.com/jwks.json
        issuer: https://id.example.com
        audience: api
        class: "{claim.plan}"
        algorithms: [RS256, ES256]
        clock-skew: 5s
      basic: { file: users.yaml }
    quotas:
      public:
        anonymous: 60/min
        authenticated: { rate: 1000/min, burst: 50 }
        gold: [100/s, 100000/h]
        key: "{header.x-tenant}"
        cost: "{header.x-cost}"
        in-flight: { anonymous: 4, gold: 100 }
        dry-run: true
        store: { redis: "redis.internal:6379", username: usher, password: "***", database: 2, deadline: 3ms }
        on-failure: refuse
      uploads:
        authenticated: 10/h
        gold: { rate: 20/h, burst: 5 }
        in-flight: 3
        store: { unix: run/redis.sock }
        on-failure: allow
    caches:
      pages:
        memory: 64MiB
        object-limit: 1MiB
        drop-query: [utm_*, fbclid]
        sort-query: true
        check-extension: true
        purge-from: [10.0.0.0/8]
      prices: { key: ["{host}", "{path}", "{header.x-country}"] }
    services:
      web:
        replicas:
          - 127.0.0.1:9001
          - { address: 127.0.0.1:9002, weight: 2, backup: true }
          - "[::1]:9003"
          - "unix:/run/web.sock"
          - web.internal:80
        balance: round-robin
        readiness: { path: "/ready?full=1", interval: 3s, timeout: 2s, rise: 1, fall: 4 }
        retries: { attempts: 3, budget: 12.5%, floor: 60/min }
        timeouts: { connect: 250ms, response: 10s, total: 20s, idle: 5m }
        connections: { per-replica: 8, queue: 0, keep: 0s }
        host: replica
        ejection: { failures: 3, share: 40%, for: 5s, at-most: 30% }
        panic: 25%
        slow-start: 30s
        session: { cookie: web-session, ttl: 2h }
        tls:
          verify: certs/internal-ca.pem
          server-name: web.internal
          certificate: { chain: certs/usher.pem, key: certs/usher.key }
      catalogue:
        replicas: { run: [python3, catalogue.py, --port, "{port}"], count: 3 }
        ejection: none
        session: { hash: [source-address/24, "{header.x-user|cookie.user}"], at-most: 125% }
      cart:
        replicas: { dns: "Cart.internal:9000", every: 10s, server: "[::1]:5353" }
        session: { follow: "{cookie.SID|header.x-session}" }
      orders:
        replicas: { dns: _http._tcp.orders.internal }
      profiles:
        sharded:
          key: [{ take: "{source-address}", normalise: [country] }, "{path.1}"]
          normalise: [lower, trim]
          countries: countries.csv
          missing: s0
          function: maglev
          shards:
            s0: [{ address: 127.0.0.1:9101, weight: 2, backup: true }]
            s1: { replicas: [127.0.0.1:9111, { address: 127.0.0.1:9112, weight: 3, backup: true }], weight: 2 }
            s2: { run: [python3, profiles.py, "{shard}", "{port}"], count: 2 }
            s3: { dns: "s3.internal:9000", every: 7s, server: 127.0.0.1:53 }
            s4: { replicas: { run: [python3, profiles.py, "{port}"], count: 2 } }
            s5: { replicas: { dns: "s5.internal:9000", every: 7s, server: 127.0.0.1:53 } }
          overflow: next
          at-most: 150%
          hot-keys: { above: 5%, copies: 3, across: shards, writes: true }
          dual-read: { until: "2030-12-01T00:00:00Z" }
          body-limit: 128KiB
      tenants:
        sharded:
          key: "{body.tenant.id}"
          function: map
          unlisted: refuse
          shards: { a: { replicas: [127.0.0.1:9201], keys: [acme, globex] }, b: { replicas: [127.0.0.1:9202] } }
      names:
        sharded:
          key: "{path.1}"
          function: ranges
          shards: { a: { replicas: [127.0.0.1:9301], from: "" }, b: { replicas: [127.0.0.1:9302], from: [m, x] } }
      pages:
        sharded:
          key: "{path}"
          count: 3
          replicas: { run: [python3, pages.py, "{shard}", "{port}"], count: 2 }
    routes:
      - match: { host: API.example.com, path: /v1/*, methods: [GET, POST], headers: { X-Beta: "1" } }
        strip-prefix: /v1
        headers: { set: { X-Served-By: "usher {route}" }, remove: [Server] }
        request-headers: { set: { X-User: "{header.x-user|cookie.user}" }, remove: [X-Debug] }
        timeouts: { response: 2s, total: 5s, idle: 1h }
        retries: { attempts: 1 }
        limits: { body: none }
        encoded-slashes: pass
        require: [gold, silver]
        quota: { name: public, cost: 5 }
        cache: pages
        service: web
      - match: { host: "*.example.com" }
        require: authenticated
        quota: uploads
        services: { web: 95%, catalogue: 5% }
      - match: { path: /old }
        redirect: { to: "/new{path}", status: 301 }
      - match: { path: /healthz }
        respond: { status: 204, body: "" }
      - service: catalogue
    """
