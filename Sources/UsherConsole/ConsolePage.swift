internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore

/// The page at `/`: the services and their replicas, read from the API every two seconds; a click on a replica tells
/// what happened to it.
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
        <section id="shards"></section>
        <section id="caches"></section>
        <section id="quotas"></section>
        <section id="certificates"></section>
        <p class="links"><a href="/metrics">metrics</a> <a href="/api/v1/services">services</a>
        <a href="/api/v1/shards">shards</a> <a href="/api/v1/caches">caches</a> <a href="/api/v1/quotas">quotas</a>
        <a href="/api/v1/certificates">certificates</a> <a href="/api/v1/config">configuration</a>
        <a href="/readyz">readiness</a></p>
        \(script(nonce: nonce))
        </body>
        </html>

        """
    }

    private static func style(nonce: String) -> String {
        """
        <style nonce="\(nonce)">
        :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
        body { max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
        h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
        h2 small { font-weight: normal; opacity: .7; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; white-space: nowrap; }
        td.why { white-space: normal; width: 40%; min-width: 16rem; }
        th { font-weight: 600; opacity: .7; } .n { text-align: right; }
        .good { color: #18794e; } .warning { color: #946800; } .bad { color: #c62a2f; font-weight: 600; }
        @media (prefers-color-scheme: dark) {
          .good { color: #4cc38a; } .warning { color: #e6b450; } .bad { color: #ff8589; }
        }
        button { all: unset; cursor: pointer; } button:hover { text-decoration: underline; }
        button::before { content: "▸ "; opacity: .6; } button[aria-expanded=true]::before { content: "▾ "; }
        button:focus-visible { outline: 2px solid; }
        h2 small.bad { opacity: 1; } .inside > td { padding-left: 1.2rem; font-size: .95em; }
        td.load { background: linear-gradient(to right, #4a90d940 calc(var(--share) * 100%), transparent 0); }
        .key { padding-left: .8rem; } td.key { white-space: normal; overflow-wrap: anywhere; unicode-bidi: isolate; }
        table + button { margin-top: .5rem; }
        .events td { padding: .2rem 1rem .6rem 1.2rem; font-size: .9em; white-space: pre-line; }
        .links { margin-top: 2rem; opacity: .8; } .links a { margin-right: 1rem; color: inherit; }
        </style>
        """
    }

    /// Texts from the API are only ever set as text, so that no name can become markup.
    private static func script(nonce: String) -> String {
        """
        <script nonce="\(nonce)">
        const tones = {
          ready: "good", starting: "warning", paused: "warning", drained: "warning", ok: "good", soon: "warning",
        };
        const tone = state => tones[state] ?? "bad";
        const time = text => {
          const moment = new Date(text), isToday = moment.toDateString() === new Date().toDateString();
          const shown = isToday ? { timeStyle: "medium" } : { dateStyle: "short", timeStyle: "medium" };
          return moment.toLocaleString(undefined, { ...shown, hourCycle: "h23" });
        };
        const columns = [
          ["replica", e => label(e)], ["state", e => e.state],
          ["why", why, "why"], ["since", e => time(e.since)],
          ["weight", e => (e.backup ? "backup " : "") + e.weight, "n"], ["in flight", e => e["in-flight"], "n"],
          ["tunnels", e => e.tunnels, "n"], ["requests", e => e.requests, "n"], ["failures", e => e.failures, "n"],
          ["p50 ms", e => e["latency-ms"]?.p50 ?? "", "n"], ["p99 ms", e => e["latency-ms"]?.p99 ?? "", "n"],
        ];
        function why(endpoint) {
          if (endpoint.reason === endpoint.state) return "";
          return endpoint.reason + (endpoint.until ? ", until " + time(endpoint.until) : "");
        }
        const opened = new Map();
        const key = endpoint => endpoint.name ?? endpoint.address;
        function label(e) {
          const more = [e.name !== e.address && e.name, e.pid && "process " + e.pid].filter(Boolean);
          return e.address + (more.length ? ` (${more.join(", ")})` : "");
        }
        function element(kind, text, name) {
          const made = document.createElement(kind);
          if (text !== undefined) made.textContent = text;
          if (name) made.className = name;
          return made;
        }
        function expander(id, text, isOpen, act) {
          const made = element("button", text);
          made.id = id;
          made.setAttribute("aria-expanded", isOpen);
          made.onclick = act;
          return made;
        }
        function toggle(service, endpoint) {
          const keys = opened.get(service.name) ?? new Set();
          if (!keys.delete(key(endpoint))) keys.add(key(endpoint));
          opened.set(service.name, keys);
          refresh();
        }
        function table(service) {
          const made = element("table"), head = made.createTHead().insertRow(), body = made.createTBody();
          for (const [title, , name] of columns) head.append(element("th", title, name));
          for (const endpoint of service.endpoints) {
            const row = body.insertRow(), isOpen = opened.get(service.name)?.has(key(endpoint)) ?? false;
            for (const [title, value, name] of columns) {
              const cell = element("td", undefined, title === "state" ? tone(endpoint.state) : name);
              if (title === "replica") {
                const id = `${service.name} ${key(endpoint)}`;
                cell.append(expander(id, value(endpoint), isOpen, () => toggle(service, endpoint)));
              } else {
                cell.textContent = value(endpoint);
              }
              row.append(cell);
            }
            if (!isOpen) continue;
            const events = (endpoint.events ?? []).toReversed();
            const lines = events.map(e => `${time(e.at)}  ${e.state}: ${e.reason}`);
            const told = body.insertRow(), cell = element("td", lines.join("\\n") || "no events yet");
            told.className = "events";
            cell.colSpan = columns.length;
            told.append(cell);
          }
          return made;
        }
        const certificateColumns = [
          ["certificate", c => c.certificate?.names.join(" ") || c.certificate?.subject || c.file, "why"],
          ["state", c => c.state], ["why", c => c.problem ?? "", "why"],
          ["expires", c => c.certificate?.["not-after"].slice(0, 10) ?? ""],
          ["days left", c => c.certificate?.["days-left"] ?? "", "n"],
          ["issuer", c => c.certificate?.issuer ?? ""], ["used by", c => c["used-by"]],
        ];
        const callerColumns = [
          ["caller", c => c.caller, "why"], ["class", c => c.class],
          ["requests", c => (c.error ? "≤ " : "") + c.requests, "n"], ["refused", c => c.refused, "n"],
          ["first seen", c => time(c["first-seen"])], ["last seen", c => time(c["last-seen"])],
        ];
        const bytes = count => {
          const units = ["B", "KiB", "MiB", "GiB", "TiB"];
          let unit = 0;
          for (; count >= 1024 && unit < units.length - 1; unit += 1) count /= 1024;
          return `${Math.floor(count * 10) / 10} ${units[unit]}`;
        };
        const ratio = cache => cache["hit-ratio"] === null ? "" : (cache["hit-ratio"] * 100).toFixed(1) + " %";
        const cacheColumns = [
          ["cache", c => c.name], ["answers", c => c.answers, "n"], ["memory", c => bytes(c["memory-bytes"]), "n"],
          ["of", c => bytes(c["budget-bytes"]), "n"], ["evictions", c => c.evictions, "n"], ["hit ratio", ratio, "n"],
          ...["hit", "stale", "stale-if-error", "revalidated", "miss", "collapsed", "pass"]
            .map(name => [name.replaceAll("-", " "), c => c.requests[name], "n"]),
          ["on their way", c => c["on-their-way"], "n"],
        ];
        function plainTable(columns, all) {
          const made = element("table"), head = made.createTHead().insertRow(), body = made.createTBody();
          for (const [title, , name] of columns) head.append(element("th", title, name));
          for (const one of all) {
            const row = body.insertRow();
            for (const [title, value, name] of columns)
              row.append(element("td", value(one), title === "state" ? tone(one.state) : name));
          }
          return made;
        }
        function quotaFacts(quota) {
          const all = quota["dry-run"] ? ["dry run"] : [];
          if (quota.store !== "local") all.push("counted in " + quota.store);
          if (quota["store-problem"]) all.push("which does not answer: " + quota["store-problem"]);
          for (const c of quota.classes) {
            const spared = c["would-refuse"] ? `, ${c["would-refuse"]} would have been` : "";
            all.push(`${c.class}: ${c.allowed} allowed, ${c.refused} refused${spared}`);
          }
          return all.join(", ") || "nobody has asked yet";
        }
        function quotaSection(quota) {
          const title = element("h2", "quota " + quota.name + " ");
          title.append(element("small", quotaFacts(quota)));
          return quota.callers.length ? [title, plainTable(callerColumns, quota.callers)] : [title];
        }
        \(shardScript)
        function facts(service) {
          const ready = service.endpoints.filter(e => e.ready).length, found = service.discovery;
          const all = [service.pattern, service.balance, `${ready} of ${service.endpoints.length} ready`];
          if (service.queued) all.push(`${service.queued} waiting`);
          if (service.retries) all.push(`${service.retries} retries`);
          if (service["sessions-moved"]) all.push(`${service["sessions-moved"]} sessions moved`);
          if (found?.error) all.push(`${found.name} fails: ${found.error}`);
          else if (found) all.push(`${found.name} gave ${found.count} ${found["age-seconds"] ?? "?"} s ago`);
          return all.join(", ");
        }
        async function read(path) {
          const answer = await fetch(path, { cache: "no-store" });
          if (!answer.ok) throw new Error("status " + answer.status);
          return answer.json();
        }
        // Events come with the one service only, so they are asked for where they are shown.
        async function withEvents(service) {
          if (!opened.get(service.name)?.size) return service;
          return read("/api/v1/services/" + encodeURIComponent(service.name));
        }
        let timer, turn = 0;
        async function refresh() {
          clearTimeout(timer);
          const state = document.getElementById("state"), mine = ++turn;
          try {
            const paths = ["services", "shards", "caches", "quotas?top=10", "certificates"];
            const [{ services }, { services: maps }, { caches }, { quotas }, { certificates }] =
              await Promise.all(paths.map(name => read("/api/v1/" + name)));
            const told = await Promise.all(services.map(withEvents)), { shards, others } = parted(told);
            const all = others.flatMap(service => {
              const title = element("h2", service.name + " "), parts = shards.get(service.name);
              title.append(element("small", parts ? partedFacts(service, parts) : facts(service)));
              return parts ? [title] : [title, table(service)];
            });
            if (mine !== turn) return;
            const focus = document.activeElement?.id;
            document.getElementById("services").replaceChildren(...all);
            document.getElementById("shards").replaceChildren(...maps.flatMap(map => shardSection(map, told)));
            const kept = caches.length ? [element("h2", "caches"), plainTable(cacheColumns, caches)] : [];
            document.getElementById("caches").replaceChildren(...kept);
            document.getElementById("quotas").replaceChildren(...quotas.flatMap(quotaSection));
            const listed = plainTable(certificateColumns, certificates);
            const secured = certificates.length ? [element("h2", "certificates"), listed] : [];
            document.getElementById("certificates").replaceChildren(...secured);
            if (focus) document.getElementById(focus)?.focus();
            const noun = others.length === 1 ? "service" : "services";
            state.textContent = `${others.length} ${noun}, ${time(Date.now())}`;
          } catch (problem) {
            state.textContent = "Usher does not answer: " + problem.message;
          }
          if (mine === turn) timer = setTimeout(refresh, 2000);
        }
        refresh();
        </script>
        """
    }
}
