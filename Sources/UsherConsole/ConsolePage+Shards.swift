extension ConsolePage {
    /// The part of the page's script that shows sharded services: of each what its map is like, and a line a shard with
    /// a bar for its load; a click on a shard shows its replicas.
    static let shardScript = """
        const shardsShown = 20, openShards = new Set(), wholeMaps = new Set();
        const percent = share => share === undefined ? "" : (share * 100).toFixed(1) + " %";
        const need = shard => shard.ready === 0 ? 0 : shard.ready < shard.replicas ? 1 : 2;
        // Title, value, the column's class, and that of a cell by what it says.
        const shardColumns = [
          ["ready", s => `${s.ready}/${s.replicas}`, "n", s => ["bad", "warning", "good"][need(s)]],
          ["keys", s => percent(s.keys), "n"], ["requests/s", s => s["requests-per-second"], "n load"],
          ["busy", s => s.busy, "n"], ["bytes/s", s => bytes(s["bytes-per-second"]), "n"],
          ["spread", s => s.spread, "n"], ["overflowed", s => s.overflowed, "n"],
          ["top key", s => s.top[0]?.key ?? "", "key"],
          ["its share", topShare, "", s => s.top.some(k => k.hot) ? "warning" : ""],
        ];
        function topShare(shard) {
          const [first, ...others] = shard.top, more = others.filter(k => k.hot).length;
          if (!first) return "";
          return percent(first.share) + (first.hot ? " hot" : "") + (more ? `, ${more} more hot` : "");
        }
        function flip(names, name) {
          if (!names.delete(name)) names.add(name);
          refresh();
        }
        // Shards of sharded services by the names of these, and all services that are none.
        function parted(services) {
          const shards = new Map(services.filter(s => s.shards !== undefined).map(s => [s.name, []]));
          const owner = ({ name }) => name.includes("/") ? shards.get(name.split("/")[0]) : undefined;
          for (const service of services) owner(service)?.push(service);
          return { shards, others: services.filter(service => !owner(service)) };
        }
        function partedFacts(service, shards) {
          const whole = shards.filter(s => s.endpoints.length && s.endpoints.every(e => e.ready)).length;
          const sum = name => shards.reduce((sum, s) => sum + s[name], service[name]);
          const all = [service.pattern, service.balance, `${whole} of ${shards.length} shards wholly ready`];
          if (shards.length > service.shards) all.push(`${shards.length - service.shards} of an earlier map`);
          if (sum("queued")) all.push(`${sum("queued")} waiting`);
          if (sum("retries")) all.push(`${sum("retries")} retries`);
          return all.join(", ");
        }
        function mapFacts(report) {
          const all = [`${report.shards.length} by ${report.function}`, `epoch ${report.epoch}`];
          if (report.moved !== undefined) all.push(`the last change moved ${percent(report.moved)} of the keys`);
          const expected = report["expected-peak-to-mean"], measured = report["peak-to-mean"];
          if (expected !== undefined) all.push(`peak-to-mean ${expected} expected`);
          if (measured !== undefined) all.push(`${expected === undefined ? "peak-to-mean " : ""}${measured} measured`);
          if (report["dual-read-until"]) {
            const asked = report.shards.reduce((sum, shard) => sum + shard["asked-earlier"], 0);
            all.push(`dual read until ${time(report["dual-read-until"] * 1000)}, earlier owners asked ${asked} times`);
          }
          all.push(`rates of the last ${Math.round(report["window-seconds"])} s`);
          return all.join(", ");
        }
        function darkness(report) {
          const of = report.shards.every(s => s.keys === undefined) ? "shards" : "keys";
          return `${report.dark < 0.001 ? "less than 0.1 %" : percent(report.dark)} of the ${of} dark`;
        }
        function shardSection(report, services) {
          const title = element("h2", `shards of ${report.service} `), all = report.shards;
          title.append(element("small", mapFacts(report)));
          if (report.dark) title.append(" ", element("small", darkness(report), "bad"));
          const isCut = all.length > shardsShown && !wholeMaps.has(report.service);
          const byNeed = (a, b) => need(a) - need(b) || b.busy - a.busy
            || b["requests-per-second"] - a["requests-per-second"];
          const shown = isCut ? all.toSorted(byNeed).slice(0, shardsShown) : all;
          const made = element("table"), head = made.createTHead().insertRow(), body = made.createTBody();
          head.append(element("th", "shard"));
          for (const [text, , kind] of shardColumns) head.append(element("th", text, kind));
          const most = Math.max(...all.map(s => s["requests-per-second"]), 0.01);
          for (const shard of shown) {
            const row = body.insertRow(), name = `${report.service}/${shard.name}`, isOpen = openShards.has(name);
            const first = row.insertCell();
            first.append(expander("shard " + name, shard.name, isOpen, () => flip(openShards, name)));
            for (const [, value, kind, tone] of shardColumns)
              row.append(element("td", value(shard), `${kind} ${tone?.(shard) ?? ""}`));
            row.querySelector(".load").style.setProperty("--share", shard["requests-per-second"] / most);
            const service = isOpen && services.find(s => s.name === name);
            if (!service) continue;
            const told = body.insertRow(), cell = told.insertCell();
            told.className = "inside";
            cell.colSpan = shardColumns.length + 1;
            cell.append(table(service));
          }
          if (all.length <= shardsShown) return [title, made];
          const label = isCut ? `all ${all.length} shards` : `only ${shardsShown} shards`;
          return [title, made, expander("map " + report.service, label, !isCut, () => flip(wholeMaps, report.service))];
        }
        """
}
