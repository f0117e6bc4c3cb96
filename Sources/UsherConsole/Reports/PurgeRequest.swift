internal import FoundationEssentials

/// What an operator wants to be gone from caches: the body of `/api/v1/purge`.
///
/// `{"url": "http://host/path?query"}`, `{"tag": "shoes"}`, `{"prefix": "http://host/shop/"}` or `{"all": true}`, each
/// with `"soft": true` and `"cache": "pages"` if wanted.
package struct PurgeRequest: Codable, Sendable, Hashable {
    package enum What: Sendable, Hashable {
        /// All answers of one URL.
        case url(String)
        /// Answers whose services gave them this name.
        case tag(String)
        /// Answers of all URLs that begin so.
        case prefix(String)
        case all
    }

    package var what: What
    /// The answers stay, to be validated, and to be given when their service fails.
    package var isSoft: Bool
    /// Nil: of every cache.
    package var cache: String?

    package init(_ what: What, isSoft: Bool = false, cache: String? = nil) {
        self.what = what
        self.isSoft = isSoft
        self.cache = cache
    }

    /// Why a body is none, as a sentence that says what to do.
    struct Fault: Error, Hashable {
        var sentence: String

        init(_ sentence: String) { self.sentence = sentence }
    }

    private enum Key: String, CodingKey, CaseIterable {
        case url, tag, prefix, all, soft, cache
    }

    /// Nothing is overlooked: a misspelt `soft` would throw away what was to be kept.
    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    static func read(_ body: Data) throws(Fault) -> PurgeRequest {
        do {
            return try JSONDecoder().decode(PurgeRequest.self, from: body)
        } catch let fault as Fault {
            throw fault
        } catch {
            throw Fault(#"the body must be JSON such as {"url": "http://host/path"} or {"tag": "shoes"}"#)
        }
    }

    package init(from decoder: any Decoder) throws {
        let keys = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
        for key in keys where Key(rawValue: key) == nil {
            let known = Key.allCases.map { #""\#($0.rawValue)""# }.joined(separator: ", ")
            throw Fault(#"a purge has no key "\#(key)"; it has \#(known)"#)
        }
        let values = try decoder.container(keyedBy: Key.self)
        let named = [Key.url, .tag, .prefix, .all].filter(values.contains)
        guard let name = named.first, named.count == 1 else {
            let found = named.map { #""\#($0.rawValue)""# }.joined(separator: " and ")
            throw Fault(
                #"say what to purge by exactly one of "url", "tag", "prefix" and "all": true"#
                    + (named.isEmpty ? "" : "; here are \(found)"))
        }
        switch name {
        case .tag: what = .tag(try Self.text(name, in: values))
        case .prefix: what = .prefix(try Self.text(name, in: values))
        case .all:
            guard try Self.flag(name, in: values) else { throw Fault(#""all" can only be true"#) }
            what = .all
        default: what = .url(try Self.text(name, in: values))
        }
        isSoft = values.contains(.soft) ? try Self.flag(.soft, in: values) : false
        cache = values.contains(.cache) ? try Self.text(.cache, in: values) : nil
    }

    private static func text(_ key: Key, in values: KeyedDecodingContainer<Key>) throws -> String {
        guard let text = try? values.decode(String.self, forKey: key), !text.isEmpty else {
            throw Fault(#""\#(key.rawValue)" must be a text that is not empty"#)
        }
        return text
    }

    private static func flag(_ key: Key, in values: KeyedDecodingContainer<Key>) throws -> Bool {
        guard let flag = try? values.decode(Bool.self, forKey: key) else {
            throw Fault(#""\#(key.rawValue)" must be true or false"#)
        }
        return flag
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: Key.self)
        switch what {
        case .url(let url): try values.encode(url, forKey: .url)
        case .tag(let tag): try values.encode(tag, forKey: .tag)
        case .prefix(let prefix): try values.encode(prefix, forKey: .prefix)
        case .all: try values.encode(true, forKey: .all)
        }
        if isSoft { try values.encode(true, forKey: .soft) }
        try values.encodeIfPresent(cache, forKey: .cache)
    }
}

/// What came of a purge.
package enum PurgeOutcome: Sendable, Hashable {
    /// How many answers were taken, and the same in one sentence.
    case purged(Int, String)
    /// What was asked for cannot be, in a sentence that says what can.
    case refused(String)
    /// With the names of those that there are.
    case noSuchCache([String])
}

/// The answer of `/api/v1/purge`.
package struct PurgeReport: Codable, Sendable, Hashable {
    package var purged: Int
    package var message: String
}
