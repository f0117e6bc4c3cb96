package import NIOCore

/// One reply of a Redis or Valkey server (RESP3, with RESP2 as its subset).
///
/// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
package enum RESPValue: Sendable, Equatable {
    case simple(String)
    /// `CODE what happened`; from a line or, in RESP3, from a bulk.
    case error(String)
    case integer(Int64)
    case bulk(ByteBuffer)
    case array([RESPValue])
    case null
    case boolean(Bool)
    case double(Double)
    /// Decimal digits, perhaps with a sign, of any length.
    case bigNumber(String)
    /// Text and the three letters that say what kind: `txt`, `mkd`.
    case verbatim(format: String, ByteBuffer)
    /// Keys and values in turn.
    case map([RESPValue])
    case set([RESPValue])
    /// Nobody asked for it: it stands between replies and is none.
    case push([RESPValue])
}

/// What a peer sent that is no RESP, or more of it than anybody would ask for.
package struct RESPProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// Lower-case, no full stop.
    package var description: String

    init(_ description: String) {
        self.description = description
    }
}
