internal import JWTKit
internal import UsherCore

/// The public part of one key of a JWK Set (RFC 7517 §4), and what it may verify.
struct WebKey {
    enum Material: Hashable {
        case rsa(modulus: String, exponent: String)
        case ec(TokenAlgorithm, x: String, y: String)
        case ed25519(x: String)
    }

    /// Why it is not used: a sentence part.
    struct Unusable: Error {
        let reason: String
    }

    /// The fewest bits of an RSA modulus (RFC 7518 §3.3).
    static let fewestBits = 2048
    /// BoringSSL refuses larger ones, and each check of one takes milliseconds.
    static let mostBits = 8192

    /// `kid`
    let identifier: String?
    let material: Material
    /// Those of its type, or the one that it names.
    let algorithms: [TokenAlgorithm]

    init(_ value: JSONValue) throws(Unusable) {
        guard case .object = value else { throw Unusable(reason: "it is not an object") }
        self.identifier = try Self.text("kid", of: value)
        let (material, fitting) = try Self.material(of: value)
        self.material = material
        try Self.checkUse(value)
        guard let name = try Self.text("alg", of: value) else {
            self.algorithms = fitting
            return
        }
        self.algorithms = fitting.filter { $0.rawValue.isSame(as: name) }
        guard !self.algorithms.isEmpty else {
            throw Unusable(reason: "its alg \(Self.quoted(name)) is not one that such a key verifies here")
        }
    }

    /// How jwt-kit takes it, for one algorithm.
    func jwk(for algorithm: TokenAlgorithm, identifier: JWKIdentifier) -> JWK {
        let name = JWK.Algorithm(rawValue: algorithm.rawValue)
        return switch self.material {
        case .rsa(let modulus, let exponent):
            .rsa(name, identifier: identifier, modulus: modulus, exponent: exponent)
        case .ec(.es384, let x, let y): .ecdsa(name, identifier: identifier, x: x, y: y, curve: .p384)
        case .ec(.es512, let x, let y): .ecdsa(name, identifier: identifier, x: x, y: y, curve: .p521)
        case .ec(_, let x, let y): .ecdsa(name, identifier: identifier, x: x, y: y, curve: .p256)
        case .ed25519(let x): .octetKeyPair(name, identifier: identifier, x: x, y: nil, curve: .ed25519)
        }
    }

    private static func material(of value: JSONValue) throws(Unusable) -> (Material, [TokenAlgorithm]) {
        switch try self.text("kty", of: value) {
        case "RSA":
            let (modulus, bytes) = try self.number("n", of: value)
            let (exponent, _) = try self.number("e", of: value)
            let significant = bytes.drop { $0 == 0 }
            let bits = significant.count * 8 - (significant.first?.leadingZeroBitCount ?? 0)
            guard bits >= self.fewestBits else {
                throw Unusable(reason: "it has \(bits) bits, and an RSA key needs \(self.fewestBits)")
            }
            guard bits <= self.mostBits else {
                throw Unusable(reason: "it has \(bits) bits, and no RSA key of more than \(self.mostBits) is used")
            }
            return (.rsa(modulus: modulus, exponent: exponent), TokenAlgorithm.rsa)
        case "EC":
            let curve = try self.text("crv", of: value) ?? ""
            guard let (algorithm, count) = self.curve(curve) else {
                throw Unusable(reason: "its curve \(self.quoted(curve)) is not P-256, P-384 or P-521")
            }
            let (x, xBytes) = try self.number("x", of: value)
            let (y, yBytes) = try self.number("y", of: value)
            // Shorter and longer ones together could have the right length and be another point (RFC 7518 §6.2.1.2).
            guard xBytes.count == count, yBytes.count == count else {
                throw Unusable(reason: "its coordinates are not \(count) bytes long each, as \(curve) needs them")
            }
            return (.ec(algorithm, x: x, y: y), [algorithm])
        case "OKP":
            let curve = try self.text("crv", of: value) ?? ""
            guard curve == "Ed25519" else {
                throw Unusable(reason: "its curve \(self.quoted(curve)) is not Ed25519")
            }
            let (x, bytes) = try self.number("x", of: value)
            guard bytes.count == 32 else { throw Unusable(reason: "its x is not 32 bytes long") }
            return (.ed25519(x: x), [.edDSA])
        case "oct": throw Unusable(reason: "it is a secret, which does not belong into a key set")
        case let type?: throw Unusable(reason: "its type \(self.quoted(type)) is not RSA, EC or OKP")
        case nil: throw Unusable(reason: "it has no kty")
        }
    }

    /// A key for something else than signatures is not used (RFC 7517 §4.2 and §4.3).
    private static func checkUse(_ value: JSONValue) throws(Unusable) {
        if let use = try self.text("use", of: value), use != "sig" {
            throw Unusable(reason: "its use is \(self.quoted(use)), not sig")
        }
        guard let operations = value["key_ops"] else { return }
        guard case .array(let names) = operations, names.contains(.string("verify")) else {
            throw Unusable(reason: "its key_ops do not have verify")
        }
    }

    private static func curve(_ name: String) -> (TokenAlgorithm, coordinateBytes: Int)? {
        switch name {
        case "P-256": (.es256, 32)
        case "P-384": (.es384, 48)
        case "P-521": (.es512, 66)
        default: nil
        }
    }

    /// Nil when it is not there; another type than a string is a mistake.
    private static func text(_ name: String, of value: JSONValue) throws(Unusable) -> String? {
        guard let member = value[name] else { return nil }
        guard let text = member.string else { throw Unusable(reason: "its \(name) is not a string") }
        return text
    }

    private static func number(_ name: String, of value: JSONValue) throws(Unusable) -> (String, [UInt8]) {
        guard let text = try self.text(name, of: value), !text.isEmpty else {
            throw Unusable(reason: "it has no \(name)")
        }
        guard let bytes = Base64.decodeURL(text.utf8) else {
            throw Unusable(reason: "its \(name) is not base64url without padding")
        }
        return (text, bytes)
    }

    /// A name of somebody else's in one short line.
    static func quoted(_ text: String) -> String {
        let shown = text.unicodeScalars.prefix(40).map { (0x20...0x7E).contains($0.value) ? String($0) : "?" }
        return "'\(shown.joined())\(text.unicodeScalars.count > 40 ? "…" : "")'"
    }
}
