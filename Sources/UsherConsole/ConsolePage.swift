internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore

/// The page at `/`: the services and their replicas, read from the API every two seconds.
enum ConsolePage {
    /// The page with a nonce of its own, so that the browser runs this script and no other.
    static func response() -> Response {
        let nonce = String(UInt64.random(in: .min ... .max), radix: 16)
        var headers = HTTPFields()
        headers[.contentSecurityPolicy] =
            "default-src 'none'; connect-src 'self'; style-src 'nonce-\(nonce)'; script-src 'nonce-\(nonce)'; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return ConsoleResponder.response(.ok, html(nonce: nonce), type: "text/html; charset=utf-8", headers)
    }

    private static func html(nonce: String) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Usher</title>
        \(style(nonce: nonce))
        </head>
        <body>
        <h1>Usher</h1>
        <p id="state" role="status">Loading…</p>
        <main id="services"></main>
        <p class="links"><a href="/metrics">metrics</a> <a href="/api/v1/services">services</a>
        <a href="/api/v1/config">configuration</a> <a href="/readyz">readiness</a></p>
        \(script(nonce: nonce))
        </body>
        </html>

        """
    }

    private static func style(nonce: String) -> String {
        """
        <style nonce="\(nonce)">
        :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
        body { max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
        h2 small { font-weight: normal; opacity: .7; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; }
        th { font-weight: 600; opacity: .7; } .n { text-align: right; }
        .ready { color: #18794e; } .down { color: #c62a2f; font-weight: 600; }
        @media (prefers-color-scheme: dark) { .ready { color: #4cc38a; } .down { color: #ff8589; } }
        .links { margin-top: 2rem; opacity: .8; } .links a { margin-right: 1rem; color: inherit; }
        </style>
        """
    }

    /// Texts from the API are only ever set as text, so that no name can become markup.
    private static func script(nonce: String) -> String {
        """
        <script nonce="\(nonce)">
        const columns = [
          ["replica", e => e.address], ["state", e => (e.ready ? "ready" : "not ready")], ["why", e => e.reason],
          ["since", e => e.since], ["weight", e => e.weight + (e.backup ? " (backup)" : ""), "n"],
          ["in flight", e => e["in-flight"], "n"], ["requests", e => e.requests, "n"],
          ["failures", e => e.failures, "n"], ["p50 ms", e => e["latency-ms"]?.p50 ?? "", "n"],
          ["p99 ms", e => e["latency-ms"]?.p99 ?? "", "n"], ["pid", e => e.pid ?? "", "n"],
        ];
        function element(kind, text, name) {
          const made = document.createElement(kind);
          if (text !== undefined) made.textContent = text;
          if (name) made.className = name;
          return made;
        }
        function table(service) {
          const made = element("table"), head = made.createTHead().insertRow(), body = made.createTBody();
          for (const [title, , name] of columns) head.append(element("th", title, name));
          for (const endpoint of service.endpoints) {
            const row = body.insertRow();
            for (const [title, value, name] of columns) {
              const state = title === "state" ? (endpoint.ready ? "ready" : "down") : name;
              row.append(element("td", value(endpoint), state));
            }
          }
          return made;
        }
        async function refresh() {
          const state = document.getElementById("state");
          try {
            const answer = await fetch("/api/v1/services", { cache: "no-store" });
            if (!answer.ok) throw new Error("status " + answer.status);
            const { services } = await answer.json();
            const all = services.flatMap(service => {
              const ready = service.endpoints.filter(e => e.ready).length;
              const title = element("h2", service.name + " ");
              const facts = `${service.pattern}, ${service.balance}, ${ready} of ${service.endpoints.length} ready`;
              title.append(element("small", facts));
              return [title, table(service)];
            });
            document.getElementById("services").replaceChildren(...all);
            const noun = services.length === 1 ? "service" : "services";
            state.textContent = `${services.length} ${noun}, ${new Date().toLocaleTimeString()}`;
          } catch (problem) {
            state.textContent = "Usher does not answer: " + problem.message;
          }
          setTimeout(refresh, 2000);
        }
        refresh();
        </script>
        """
    }
}
