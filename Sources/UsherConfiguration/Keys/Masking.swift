/// Hides what looks like a secret wherever settings are shown.
enum Masking {
    static let mask = "***"
    private static let words = ["password", "passwd", "secret", "token", "apikey", "api-key", "api_key", "credential"]

    /// Arguments behind `--password`, and what follows the = of `TOKEN=…`.
    static func command(_ arguments: [String]) -> [JSON] {
        var result: [JSON] = []
        var hidesNext = false
        for argument in arguments {
            let (name, value) = parted(argument)
            let isSecret = words.contains { name.lowercased().contains($0) }
            if hidesNext, !argument.hasPrefix("-") {
                result.append(.masked(shown: mask, hidden: argument))
                hidesNext = false
            } else if isSecret, value != nil {
                result.append(.masked(shown: name + "=" + mask, hidden: argument))
                hidesNext = false
            } else {
                result.append(.string(argument))
                hidesNext = isSecret && argument.hasPrefix("-")
            }
        }
        return result
    }

    /// The value of a field that carries credentials.
    static func field(_ name: String, _ value: String) -> JSON {
        let lower = name.lowercased()
        let carries = ["authorization", "proxy-authorization", "cookie", "set-cookie"].contains(lower)
        let isSecret = carries || lower.hasSuffix("-key") || words.contains { lower.contains($0) }
        return isSecret ? .masked(shown: mask, hidden: value) : .string(value)
    }

    private static func parted(_ argument: String) -> (name: String, value: Substring?) {
        guard let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
        return (String(argument[..<equals]), argument[argument.index(after: equals)...])
    }
}
