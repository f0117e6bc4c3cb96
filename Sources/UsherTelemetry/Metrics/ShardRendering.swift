/// The families of sharded services and their shards.
func renderShards(_ control: ControlMetrics, to text: inout PrometheusText) {
    let rows = control.sharded.flatMap { service in
        service.shards.map { shard in
            (labels: PrometheusLabels(["service": service.name, "shard": shard.name]), shard: shard)
        }
    }
    for (metric, value) in shardValues {
        text.family(metric)
        for (labels, shard) in rows { text.sample(metric, labels, value(shard)) }
    }
    for (metric, value) in shardedServiceValues {
        text.family(metric)
        for service in control.sharded {
            text.sample(metric, PrometheusLabels(["service": service.name]), value(service))
        }
    }
}

private let shardValues: [(MetricDefinition, @Sendable (ControlMetrics.Shard) -> String)] = [
    (MetricCatalogue.shardRequests, { "\($0.requests)" }),
    (MetricCatalogue.shardBusy, { PrometheusText.seconds($0.busy) }),
    (MetricCatalogue.shardBytes, { "\($0.bytes)" }),
    (MetricCatalogue.shardSpread, { "\($0.spread)" }),
    (MetricCatalogue.shardOverflowed, { "\($0.overflowed)" }),
    (MetricCatalogue.shardEarlierOwner, { "\($0.askedEarlier)" }),
]

private let shardedServiceValues: [(MetricDefinition, @Sendable (ControlMetrics.ShardedService) -> String)] = [
    (MetricCatalogue.shardMapEpoch, { "\($0.epoch)" }),
    (MetricCatalogue.shardDarkKeys, { "\($0.dark)" }),
    (MetricCatalogue.shardHotKeys, { "\($0.hotKeys)" }),
]
