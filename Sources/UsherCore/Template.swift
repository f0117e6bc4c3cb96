/// Text with `{…}` places that are filled from a request: `{method}`, `{header.x-user|cookie.user}`; `{{` is a brace.
///
/// A missing value is empty; of `{a|b|c}` the first that is present is taken.
public struct Template: Sendable, Hashable, CustomStringConvertible {
    public enum Part: Sendable, Hashable {
        case literal([UInt8])
        /// Alternatives in the order in which they are tried; never empty.
        case variables([Variable])
    }

    /// What a place can stand for.
    public enum Variable: Sendable, Hashable {
        case method
        case host
        case path
        /// `{path.1}`: the first segment. Range: 1...99.
        case pathSegment(Int)
        case query(String)
        /// The name in lower case.
        case header(String)
        case cookie(String)
        /// `{body.a.b}`: the keys that lead to a field of a JSON body.
        case body([String])
        /// `{source-address/24}`: with a prefix, everything behind it is cleared. Range of the prefix: 0...128.
        case sourceAddress(prefix: Int?)
        case destinationAddress(prefix: Int?)
        case identity
        case `class`
        case claim(String)
        case route
        case service
    }

    /// Neighbouring literals are one part; an empty template has none.
    public let parts: [Part]
    /// The text that was read.
    public let description: String

    /// Reads a template; with `bareNames`, text without braces is a variable's name (`source-address`), not a literal.
    public init(text: String, bareNames: Bool = false) throws(TextProblem) {
        let reader = TemplateReader(text)
        let isName = bareNames && !text.utf8.contains(UInt8(ascii: "{"))
        parts = isName ? [.variables(try reader.alternatives(text[...]))] : try reader.parts()
        description = text
    }

    /// A template that always gives `text`, braces included.
    public init(literal text: String) {
        parts = text.isEmpty ? [] : [.literal(Array(text.utf8))]
        let open = UInt8(ascii: "{")
        description = String(decoding: text.utf8.flatMap { $0 == open ? [open, open] : [$0] }, as: UTF8.self)
    }

    /// The bytes when nothing depends on the request, else nil.
    public var constant: [UInt8]? {
        guard let first = parts.first else { return [] }
        guard parts.count == 1, case .literal(let bytes) = first else { return nil }
        return bytes
    }

    /// Appends the filled text; allocates nothing but room in `bytes`. False when none of its places has a value.
    @inlinable @discardableResult
    public func render<Source: TemplateSource>(into bytes: inout [UInt8], from source: borrowing Source) -> Bool {
        var isPresent = false
        for part in parts {
            switch part {
            case .literal(let literal): bytes.append(contentsOf: literal)
            case .variables(let alternatives):
                for variable in alternatives where source.append(variable, to: &bytes) {
                    isPresent = true
                    break
                }
            }
        }
        return isPresent
    }
}

/// Something a template is filled from, such as one request.
public protocol TemplateSource: ~Copyable {
    /// Appends the variable's value and returns true; false, with nothing appended, when there is none.
    borrowing func append(_ variable: Template.Variable, to bytes: inout [UInt8]) -> Bool
}
