public import UsherHTTP

/// What a client says of the answer it would take from a cache (RFC 9111 §5.2.1).
public struct RequestDirectives: Sendable, Hashable {
    public var noStore = false
    public var noCache = false
    public var onlyIfCached = false
    /// Unit: seconds, 0...2³¹, also of the three below. What is no number counts as 0 here, of two the smaller.
    public var maxAge: Int?
    /// How stale it may be; `Int.max` when the client does not care. What is no number does not count.
    public var maxStale: Int?
    /// How long it must stay fresh; of two the larger counts.
    public var minFresh: Int?
    /// RFC 5861 §4.
    public var staleIfError: Int?

    /// A client that says nothing.
    public init() {}

    /// Most requests have neither field; for them this is one look at a set of bits.
    public init(_ head: RequestHead) {
        if head.known.contains(.cacheControl) {
            for field in head.fields where field.id == .cacheControl { head.withBytes(field.value) { read($0) } }
        } else if head.known.contains(.pragma) {
            // What HTTP/1.0 had for `no-cache`; it counts only alone (RFC 9111 §5.4).
            for field in head.fields where field.id == .pragma { head.withBytes(field.value) { readPragma($0) } }
        }
    }

    /// Whether nothing was asked for.
    public var isDefault: Bool {
        !noStore && !noCache && !onlyIfCached && maxAge == nil && maxStale == nil && minFresh == nil
            && staleIfError == nil
    }

    private mutating func read(_ value: Span<UInt8>) {
        var cursor = ElementCursor()
        while let range = cursor.next(value) {
            let element = value.extracting(range)
            guard let directive = Directive(element) else { continue }
            note(element.extracting(directive.name), directive.argument, element)
        }
    }

    private mutating func note(_ name: Span<UInt8>, _ argument: Directive.Argument, _ element: Span<UInt8>) {
        if equalsIgnoringCase(name, "no-cache") {
            noCache = true
        } else if equalsIgnoringCase(name, "no-store") {
            noStore = true
        } else if equalsIgnoringCase(name, "only-if-cached") {
            onlyIfCached = true
        } else if equalsIgnoringCase(name, "max-age") {
            maxAge = min(maxAge ?? .max, Self.seconds(argument, element) ?? 0)
        } else if equalsIgnoringCase(name, "max-stale") {
            if case .none = argument {
                maxStale = maxStale ?? .max
            } else if let seconds = Self.seconds(argument, element) {
                maxStale = min(maxStale ?? .max, seconds)
            }
        } else if equalsIgnoringCase(name, "min-fresh") {
            if let seconds = Self.seconds(argument, element) { minFresh = max(minFresh ?? 0, seconds) }
        } else if equalsIgnoringCase(name, "stale-if-error") {
            guard let seconds = Self.seconds(argument, element) else { return }
            staleIfError = min(staleIfError ?? .max, seconds)
        }
    }

    private static func seconds(_ argument: Directive.Argument, _ element: Span<UInt8>) -> Int? {
        guard case .text(let range) = argument else { return nil }
        return DeltaSeconds.read(element.extracting(range))
    }

    private mutating func readPragma(_ value: Span<UInt8>) {
        var cursor = ElementCursor()
        while let range = cursor.next(value) {
            if equalsIgnoringCase(value.extracting(range), "no-cache") { noCache = true }
        }
    }
}
