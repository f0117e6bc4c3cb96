internal import NIOCore
internal import NIOPosix
internal import UsherCore

/// Puts a plan into effect.
package struct LoadRun: Sendable {
    private let plan: LoadPlan

    /// How often progress is told. 200 ms.
    private static let progressTime = Duration.milliseconds(200)
    /// Between the last connection and the first request, so that all workers begin together. 5 ms.
    private static let leadTime = Duration.milliseconds(5)

    /// - Parameter plan: without `problems`.
    package init(_ plan: LoadPlan) {
        self.plan = plan
    }

    /// Sends the load and says what came of it. Ends early, with what there is until then, when the task is cancelled.
    ///
    /// - Throws: when there is no TLS to be had on this machine.
    package func run(onProgress: (@Sendable (LoadProgress) -> Void)? = nil) async throws -> LoadReport {
        guard !self.plan.targets.isEmpty else { return LoadReport(LoadTally(), plan: self.plan, duration: .zero) }
        let opening = try ConnectionOpening(self.plan)
        let requests = PreparedRequests(self.plan)
        let parts = max(1, min(self.plan.threads, self.plan.connections))
        let group = MultiThreadedEventLoopGroup(numberOfThreads: parts)
        let workers = (0..<parts).map { part in
            LoadWorker(self.plan, requests: requests, opening: opening, on: group.next(), part: part, of: parts)
        }
        let report = await withTaskCancellationHandler {
            await self.run(workers, onProgress)
        } onCancel: {
            for worker in workers { worker.eventLoop.execute { worker.stop() } }
        }
        try await group.shutdownGracefully()
        return report
    }

    private func run(
        _ workers: [LoadWorker], _ onProgress: (@Sendable (LoadProgress) -> Void)?
    ) async -> LoadReport {
        let begin = Self.now
        var opened = 0
        let openings = workers.map { worker in worker.eventLoop.flatSubmit { worker.openAll() } }
        // These futures never fail.
        for opening in openings { opened += (try? await opening.get()) ?? 0 }
        guard opened > 0, !Task.isCancelled else {
            for worker in workers { worker.eventLoop.execute { worker.stop() } }
            let tally = await Self.result(workers)
            return LoadReport(
                tally, plan: self.plan, duration: Self.now.elapsed(since: begin), isInterrupted: Task.isCancelled)
        }
        let start = Self.now.advanced(by: Self.leadTime)
        let measuredFrom = start.advanced(by: self.plan.warmup)
        let end = self.plan.duration.map { measuredFrom.advanced(by: $0) }
        for worker in workers {
            worker.eventLoop.execute { worker.start(at: start, measuredFrom: measuredFrom, end: end) }
        }
        let teller = Task {
            if let onProgress { await self.tell(workers, from: measuredFrom, onProgress) }
        }
        let tally = await Self.result(workers)
        teller.cancel()
        await teller.value
        // A run that was not ended by its number of requests lasted its time, even if the last request came earlier.
        let isOutOfRequests = self.plan.requests.map { tally.requests >= UInt64(clamping: $0) } ?? false
        let planned = isOutOfRequests ? tally.lastEnd : max(end ?? tally.lastEnd, tally.lastEnd)
        let last = Task.isCancelled ? min(planned, Self.now) : planned
        return LoadReport(
            tally, plan: self.plan, duration: last.elapsed(since: measuredFrom), isInterrupted: Task.isCancelled)
    }

    private static func result(_ workers: [LoadWorker]) async -> LoadTally {
        var sum = LoadTally()
        for worker in workers {
            // These futures never fail.
            if let tally = try? await worker.result.get() { sum.merge(tally) }
        }
        return sum
    }

    /// Until this task is cancelled.
    private func tell(
        _ workers: [LoadWorker], from start: MonotonicTime, _ onProgress: @Sendable (LoadProgress) -> Void
    ) async {
        var rate = RecentRate()
        while (try? await Task.sleep(for: Self.progressTime)) != nil {
            var sum = LoadTally()
            for worker in workers {
                guard let tally = try? await worker.eventLoop.submit({ worker.tally }).get() else { return }
                sum.merge(tally)
            }
            let elapsed = Double(Self.now.nanoseconds(since: start)) / 1e9
            onProgress(
                LoadProgress(
                    elapsed: elapsed, total: self.plan.duration.map { Double($0.nanosecondsClamped) / 1e9 },
                    requests: sum.requests, requestsTotal: self.plan.requests.map { UInt64(clamping: $0) },
                    ratePerSecond: rate.note(sum.requests, at: elapsed), errors: sum.errors,
                    p99: sum.latencies.percentile(99)))
        }
    }

    private static var now: MonotonicTime { MonotonicTime(nanoseconds: LoadWorker.now) }
}
