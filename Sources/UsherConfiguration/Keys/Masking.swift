/// Hides what looks like a secret wherever settings are shown.
enum Masking {
    static let mask = "***"
    private static let words = ["password", "passwd", "secret", "token", "apikey", "api-key", "api_key", "credential"]

    /// Arguments behind `--password`, and what follows the = of `TOKEN=…`.
    static func command(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var hidesNext = false
        for argument in arguments {
            let (name, value) = parted(argument)
            let isSecret = words.contains { name.lowercased().contains($0) }
            if hidesNext, !argument.hasPrefix("-") {
                result.append(mask)
                hidesNext = false
            } else if isSecret, value != nil {
                result.append(name + "=" + mask)
                hidesNext = false
            } else {
                result.append(argument)
                hidesNext = isSecret && argument.hasPrefix("-")
            }
        }
        return result
    }

    /// The value of a field that carries credentials.
    static func field(_ name: String, _ value: String) -> String {
        let lower = name.lowercased()
        let carries = ["authorization", "proxy-authorization", "cookie", "set-cookie"].contains(lower)
        return carries || lower.hasSuffix("-key") || words.contains { lower.contains($0) } ? mask : value
    }

    private static func parted(_ argument: String) -> (name: String, value: Substring?) {
        guard let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
        return (String(argument[..<equals]), argument[argument.index(after: equals)...])
    }
}
