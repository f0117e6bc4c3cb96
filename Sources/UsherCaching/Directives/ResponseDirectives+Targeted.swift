internal import UsherHTTP

extension ResponseDirectives {
    /// Reads the joined lines of a targeted field, which is a dictionary of structured values (RFC 9213 §2.1).
    ///
    /// False, and nothing read, when it is empty or breaks its syntax anywhere. Of a key that comes twice the last
    /// counts; a value of another type than the directive's is passed over, as are parameters.
    mutating func readTargeted(_ value: Span<UInt8>) -> Bool {
        var found = ResponseDirectives()
        found.isTargeted = true
        var reader = StructuredDictionary()
        var isEmpty = true
        while let member = reader.next(value) {
            found.note(value.extracting(member.key), member.value, value)
            isEmpty = false
        }
        guard !isEmpty, !reader.isBroken else { return false }
        self = found
        return true
    }

    private mutating func note(_ key: Span<UInt8>, _ value: StructuredDictionary.Value, _ bytes: Span<UInt8>) {
        if noteFlag(key, value) { return }
        if equalsIgnoringCase(key, "max-age") {
            maxAge = Self.seconds(value)
        } else if equalsIgnoringCase(key, "s-maxage") {
            sharedMaxAge = Self.seconds(value)
        } else if equalsIgnoringCase(key, "stale-while-revalidate") {
            staleWhileRevalidate = Self.seconds(value)
        } else if equalsIgnoringCase(key, "stale-if-error") {
            staleIfError = Self.seconds(value)
        } else if equalsIgnoringCase(key, "no-cache") {
            noCacheFields = []
            noCache = Self.isWhole(value, bytes, &noCacheFields)
        } else if equalsIgnoringCase(key, "private") {
            privateFields = []
            isPrivate = Self.isWhole(value, bytes, &privateFields)
        }
    }

    private mutating func noteFlag(_ key: Span<UInt8>, _ value: StructuredDictionary.Value) -> Bool {
        let isSet = value == .boolean(true)
        if equalsIgnoringCase(key, "no-store") {
            noStore = isSet
        } else if equalsIgnoringCase(key, "public") {
            isPublic = isSet
        } else if equalsIgnoringCase(key, "must-revalidate") {
            mustRevalidate = isSet
        } else if equalsIgnoringCase(key, "proxy-revalidate") {
            proxyRevalidate = isSet
        } else if equalsIgnoringCase(key, "must-understand") {
            mustUnderstand = isSet
        } else if equalsIgnoringCase(key, "immutable") {
            isImmutable = isSet
        } else if equalsIgnoringCase(key, "no-transform") {
            noTransform = isSet
        } else {
            return false
        }
        return true
    }

    /// A negative number is stale at once.
    private static func seconds(_ value: StructuredDictionary.Value) -> Int? {
        guard case .integer(let number) = value else { return nil }
        return min(max(0, number), DeltaSeconds.most)
    }

    /// Whether the directive means the whole answer; field names in a string or a token are appended otherwise.
    private static func isWhole(
        _ value: StructuredDictionary.Value, _ bytes: Span<UInt8>, _ names: inout [[UInt8]]
    ) -> Bool {
        switch value {
        case .boolean(let isSet): isSet
        case .text(let range): !appendNames(bytes.extracting(range), to: &names)
        case .integer, .other: true
        }
    }
}
