/// A JSON value (RFC 8259) as tokens and key sets hold it.
indirect enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// As it is written, so that nothing of a long number is lost.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In the order of the text; no name twice.
    case object([Member])

    struct Member: Sendable, Hashable {
        var name: String
        var value: JSONValue
    }

    /// An object's member; nil also when this is no object.
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name.isSame(as: name) }?.value
    }

    var string: String? {
        guard case .string(let string) = self else { return nil }
        return string
    }
}

extension String {
    /// Character by character as they are written: names and claims are compared without any folding (RFC 7519 §2),
    /// while `==` takes different writings of a letter for the same.
    func isSame(as other: String) -> Bool {
        self.utf8.elementsEqual(other.utf8)
    }
}
