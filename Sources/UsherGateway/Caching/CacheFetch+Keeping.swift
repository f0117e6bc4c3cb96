import NIOCore
import Synchronization
import UsherCaching
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherStores
import UsherTransport

/// The `store` phase: what becomes of an answer in the cache.
extension CacheFetch {
    /// The whole answer is there.
    func keep(_ received: ReceivedAnswer) {
        let pieces = self.state.withLock { $0.pieces }
        // The service may have said less or more than it did.
        let count = pieces.reduce(0) { $0 + $1.readableBytes }
        if let length = received.length, length != count, received.hasBody { return }
        let (target, lines) = (self.target, received.lines)
        self.insert(
            StoredAnswer(
                received.facts, status: received.status, target: target.span, lines: lines.span, body: pieces,
                tags: received.tags), names: received.names)
    }

    private func insert(_ answer: StoredAnswer, names: VaryNames?) {
        let memory = self.use.plan.memory
        guard let names else {
            memory.store.remove(self.base)
            return
        }
        guard !self.isPurged.load(ordering: .acquiring) else { return }
        if names.isEmpty {
            memory.store.insert(answer, for: self.base)
        } else {
            let variant = CacheUse.variant(self.base, names, self.head, &self.worker.scratch)
            memory.store.insert(answer, for: self.base, variant: variant, names: names)
        }
        // A purge may have come in between, and seen nothing.
        if self.isPurged.load(ordering: .acquiring) { memory.store.remove(self.base) }
    }

    /// The service says that what we have is still right (RFC 9111 §4.3.4).
    func freshen(_ stale: StoredAnswer, _ head: ResponseHead) {
        let memory = self.use.plan.memory
        let bytes = stale.bytes
        let old = bytes.span.extracting(stale.lines)
        guard Freshening.applies(old, to: head) else {
            // It speaks of another answer than ours: everybody asks again, without conditions.
            memory.store.remove(self.base)
            return self.settle(.released)
        }
        let new = Freshening.refresh(
            old, status: Int(stale.status), with: head, date: self.worker.loop.dateLine, requestedAt: self.startedAt,
            receivedAt: self.worker.loop.now, unixSeconds: WallClock.seconds)
        let tags = SurrogateTags.read(head).map(Self.hash)
        let answer = StoredAnswer(stale, facts: new.facts, lines: new.lines, tags: tags.isEmpty ? nil : tags)
        if !new.mayBeStored {
            memory.store.remove(self.base)
        } else if head.known.contains(.vary) {
            self.insert(answer, names: self.use.names(head))
        } else if !self.isPurged.load(ordering: .acquiring) {
            // What a purge has taken out meanwhile stays out: it is no longer there to be replaced.
            memory.store.replace(stale, with: answer, for: self.key)
        }
        self.settle(.answer(answer, forwardStatus: 304, isStored: true))
    }

    /// With `check-extension`: an answer whose type is not that of its path may be somebody's page under a picture's
    /// name, so it is not kept.
    func extensionFits(_ head: ResponseHead) -> Bool {
        guard self.use.plan.settings.checkExtension else { return true }
        let target = self.target
        guard let wanted = PathExtension.contentTypes(of: target.span) else { return true }
        guard let type = head.slice(of: .contentType) else { return false }
        return head.withBytes(type) { value in PathExtension.isOne(of: wanted, value) }
    }
}
