internal import UsherCore
public import UsherHTTP

/// What an answer says of its storing and reuse, read for a shared cache (RFC 9111 §5.2.2).
///
/// A valid `CDN-Cache-Control` is meant for caches like this one and counts instead of `Cache-Control` and `Expires`
/// (RFC 9213 §2.2). Names match in any case, arguments may be quoted or not, unknown directives are passed over.
/// Where a field contradicts itself or breaks the rules, the reading is the one that reuses less.
public struct ResponseDirectives: Sendable, Hashable {
    /// More field names in qualified directives than these are not kept one by one: the directive then counts as
    /// unqualified.
    public static let fieldsMaximum = 32

    public var noStore = false
    /// Of the whole answer: each use must be validated first (§5.2.2.4).
    public var noCache = false
    /// What a qualified `no-cache` names, in lower case; these fields are not stored.
    public var noCacheFields: [[UInt8]] = []
    /// Of the whole answer (§5.2.2.7).
    public var isPrivate = false
    /// What a qualified `private` names, in lower case; these fields are not stored.
    public var privateFields: [[UInt8]] = []
    public var isPublic = false
    public var mustRevalidate = false
    public var proxyRevalidate = false
    public var mustUnderstand = false
    /// RFC 8246.
    public var isImmutable = false
    public var noTransform = false
    /// Unit of all four: seconds, 0...2³¹. What is no number, and two that differ, is 0 here and in `sharedMaxAge`.
    public var maxAge: Int?
    public var sharedMaxAge: Int?
    /// RFC 5861 §3 and §4; what is no number is absent, and of two that differ nothing is allowed.
    public var staleWhileRevalidate: Int?
    public var staleIfError: Int?
    /// Whether all this was read from `CDN-Cache-Control`, so that `Expires` does not count either.
    public var isTargeted = false

    /// An answer that says nothing.
    public init() {}

    public init(_ head: ResponseHead) {
        if head.known.contains(.cdnCacheControl) {
            var targeted: [UInt8] = []
            for (index, field) in head.fields.filter({ $0.id == .cdnCacheControl }).enumerated() {
                if index > 0 { targeted.append(", ") }
                head.withBytes(field.value) { targeted.append($0) }
            }
            if readTargeted(targeted.span) { return }
        }
        guard head.known.contains(.cacheControl) else { return }
        for field in head.fields where field.id == .cacheControl { head.withBytes(field.value) { read($0) } }
    }

    /// From the lines that `StoredFields` keeps of an answer.
    public init(stored lines: Span<UInt8>) {
        var targeted: [UInt8] = []
        var isFirst = true
        var cursor = StoredLines()
        while let line = cursor.next(lines) {
            guard equalsFolded(lines.extracting(line.name), "cdn-cache-control") else { continue }
            if !isFirst { targeted.append(", ") }
            isFirst = false
            targeted.append(lines.extracting(line.value))
        }
        if !isFirst, readTargeted(targeted.span) { return }
        cursor = StoredLines()
        while let line = cursor.next(lines) {
            guard equalsFolded(lines.extracting(line.name), "cache-control") else { continue }
            read(lines.extracting(line.value))
        }
    }

    /// Reads one line of `Cache-Control`.
    private mutating func read(_ value: Span<UInt8>) {
        var cursor = ElementCursor()
        while let range = cursor.next(value) {
            let element = value.extracting(range)
            guard let directive = Directive(element) else { continue }
            let name = element.extracting(directive.name)
            if !noteWord(name) { note(name, directive.argument, element) }
        }
    }

    /// A directive that needs no argument; one that stands there all the same changes nothing.
    private mutating func noteWord(_ name: Span<UInt8>) -> Bool {
        if equalsIgnoringCase(name, "no-store") {
            noStore = true
        } else if equalsIgnoringCase(name, "public") {
            isPublic = true
        } else if equalsIgnoringCase(name, "must-revalidate") {
            mustRevalidate = true
        } else if equalsIgnoringCase(name, "proxy-revalidate") {
            proxyRevalidate = true
        } else if equalsIgnoringCase(name, "must-understand") {
            mustUnderstand = true
        } else if equalsIgnoringCase(name, "immutable") {
            isImmutable = true
        } else if equalsIgnoringCase(name, "no-transform") {
            noTransform = true
        } else {
            return false
        }
        return true
    }

    private mutating func note(_ name: Span<UInt8>, _ argument: Directive.Argument, _ element: Span<UInt8>) {
        if equalsIgnoringCase(name, "max-age") {
            maxAge = Self.joined(maxAge, Self.seconds(argument, element) ?? 0)
        } else if equalsIgnoringCase(name, "s-maxage") {
            sharedMaxAge = Self.joined(sharedMaxAge, Self.seconds(argument, element) ?? 0)
        } else if equalsIgnoringCase(name, "stale-while-revalidate") {
            guard let seconds = Self.seconds(argument, element) else { return }
            staleWhileRevalidate = Self.joined(staleWhileRevalidate, seconds)
        } else if equalsIgnoringCase(name, "stale-if-error") {
            guard let seconds = Self.seconds(argument, element) else { return }
            staleIfError = Self.joined(staleIfError, seconds)
        } else if equalsIgnoringCase(name, "no-cache") {
            if !Self.note(argument, element, in: &noCacheFields) { noCache = true }
        } else if equalsIgnoringCase(name, "private") {
            if !Self.note(argument, element, in: &privateFields) { isPrivate = true }
        }
    }

    private static func seconds(_ argument: Directive.Argument, _ element: Span<UInt8>) -> Int? {
        guard case .text(let range) = argument else { return nil }
        return DeltaSeconds.read(element.extracting(range))
    }

    /// Of one directive that comes twice: what both say, or nothing (RFC 9111 §4.2.1).
    private static func joined(_ earlier: Int?, _ new: Int) -> Int {
        earlier == nil || earlier == new ? new : 0
    }

    /// False when the directive has no list of names that could be kept, so that it means the whole answer.
    private static func note(
        _ argument: Directive.Argument, _ element: Span<UInt8>, in names: inout [[UInt8]]
    ) -> Bool {
        guard case .text(let range) = argument else { return false }
        return appendNames(element.extracting(range), to: &names)
    }

    /// Appends the field names of a list; false when one is no name, there is none, or there are too many.
    static func appendNames(_ list: Span<UInt8>, to names: inout [[UInt8]]) -> Bool {
        var cursor = ElementCursor()
        var isEmpty = true
        while let range = cursor.next(list) {
            let name = list.extracting(range)
            guard names.count < fieldsMaximum, Text.isToken(name) else { return false }
            names.append(Text.lowercased(name))
            isEmpty = false
        }
        return !isEmpty
    }
}
