/// The name and password of HTTP basic authentication (RFC 7617).
package struct BasicCredentials: Sendable, Hashable {
    /// The longest encoded text that is read. Unit: bytes.
    package static let longestText = 1024

    package let name: [UInt8]
    /// As it came: the file's hashes are of UTF-8, whatever a client thinks.
    package let password: [UInt8]

    /// Reads what follows `Basic ` and its spaces; nil when it is not well-formed.
    ///
    /// The first colon ends the name, so a password may have more of them. Control characters are in neither (§2).
    package init?(encoded text: some Collection<UInt8>) {
        guard text.count <= Self.longestText, let bytes = Base64.decodeStandard(Array(text)),
            bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        self.name = Array(bytes[..<colon])
        self.password = Array(bytes[(colon + 1)...])
    }
}
