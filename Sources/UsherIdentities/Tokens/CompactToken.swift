internal import UsherCore

/// A token cut into its parts (RFC 7515 §7.1), nothing of it believed yet.
struct CompactToken {
    /// Unit: bytes.
    static let longest = 8192

    let algorithm: TokenAlgorithm
    /// `kid`
    let keyIdentifier: String?
    /// What is signed: header and payload as they are written, and the dot between them.
    let signingInput: ArraySlice<UInt8>
    let signature: [UInt8]
    private let encodedPayload: ArraySlice<UInt8>

    init(_ token: [UInt8]) throws(TokenFault) {
        guard token.count <= Self.longest else { throw .tooLong }
        let parts = token.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }), let header = Base64.decodeURL(parts[0]),
            let signature = Base64.decodeURL(parts[2])
        else { throw .malformed }
        self.signingInput = token[..<parts[1].endIndex]
        self.encodedPayload = parts[1]
        self.signature = signature
        (self.algorithm, self.keyIdentifier) = try Self.read(header)
    }

    /// The claims; to be asked for when the signature has been checked.
    func payload() throws(TokenFault) -> JSONValue {
        guard let bytes = Base64.decodeURL(self.encodedPayload), let value = try? JSONReader.read(bytes),
            case .object = value
        else { throw .malformed }
        return value
    }

    /// Keys that a header brings along or points to (`jwk`, `jku`, `x5c`) are not looked at (RFC 8725 §3.10).
    private static func read(_ header: [UInt8]) throws(TokenFault) -> (TokenAlgorithm, String?) {
        guard let value = try? JSONReader.read(header), case .object = value, let name = value["alg"]?.string else {
            throw .malformed
        }
        // No extension is understood here, also not the unencoded payload, which wants a `crit` too (RFC 7797 §6).
        guard value["crit"] == nil, value["b64"] == nil || value["b64"] == .bool(true) else {
            throw .criticalExtension
        }
        guard let algorithm = TokenAlgorithm(rawValue: name) else { throw .unsupportedAlgorithm }
        guard let identifier = value["kid"] else { return (algorithm, nil) }
        guard let text = identifier.string else { throw .malformed }
        return (algorithm, text)
    }
}
