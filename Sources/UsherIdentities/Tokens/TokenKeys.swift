internal import JWTKit
package import UsherCore

/// Keys that verify tokens, each made ready when they are loaded, so that a check neither waits nor parses a key.
///
/// A JWK Set verifies RS, PS, ES and EdDSA and never HS; a secret verifies HS and nothing else. So a public key, which
/// anybody can have, is never taken for a secret (RFC 8725 §2.1).
package struct TokenKeys: Sendable {
    /// Unit: bytes.
    package static let longestText = 1 << 20
    package static let mostKeys = 256
    /// A token without `kid` is tried with so many keys, so that none costs more than so many checks.
    package static let mostTried = 16
    /// Unit: bytes. 256 bits, as HS256 needs them (RFC 7518 §3.2).
    package static let shortestSecret = 32

    /// What any of the keys verifies.
    package let algorithms: Set<TokenAlgorithm>
    /// How many keys are used.
    package let count: Int
    /// Of what they were read from: tells others from the same.
    package let source: CredentialDigest
    /// Keys of the set that are not used, and why: one line each.
    package let skipped: [String]

    private typealias Verifiers = [TokenAlgorithm: [any JWTAlgorithm]]
    private let all: Verifiers
    private let byIdentifier: [[UInt8]: Verifiers]
    private let unnamed: Verifiers

    /// Reads a JWK Set (RFC 7517 §5). Keys that cannot be used are skipped, as newer kinds must be.
    package static func jwks(_ json: [UInt8]) async throws(TokenKeyProblem) -> TokenKeys {
        guard json.count <= self.longestText else { throw TokenKeyProblem("is larger than 1 MiB") }
        let root: JSONValue
        do throws(JSONReader.Problem) {
            root = try JSONReader.read(json)
        } catch {
            throw TokenKeyProblem("is not JSON: \(error)")
        }
        guard case .array(let values) = root["keys"] else {
            throw TokenKeyProblem("is not a JWK Set: an object with an array `keys`")
        }
        guard values.count <= self.mostKeys else {
            throw TokenKeyProblem("has \(values.count) keys; at most \(self.mostKeys) are read")
        }
        var keys: [Ready] = []
        var skipped: [String] = []
        for (index, value) in values.enumerated() {
            do throws(WebKey.Unusable) {
                keys.append(try await self.ready(WebKey(value)))
            } catch {
                let name = value["kid"]?.string.map { " \(WebKey.quoted($0))" } ?? ""
                skipped.append("key \(index + 1)\(name) is not used: \(error.reason)")
            }
        }
        guard !keys.isEmpty else {
            let reasons = skipped.prefix(3).joined(separator: "; ")
            throw TokenKeyProblem("has no usable key" + (reasons.isEmpty ? "" : ": \(reasons)"))
        }
        return TokenKeys(keys, skipped: skipped, source: CredentialDigest(of: json))
    }

    /// A secret that whoever signs has too. Each algorithm wants as many bytes as its hash has (RFC 7518 §3.2).
    package static func secret(_ bytes: [UInt8]) async throws(TokenKeyProblem) -> TokenKeys {
        guard bytes.count >= self.shortestSecret else {
            throw TokenKeyProblem("has \(bytes.count) bytes, and a secret needs at least \(self.shortestSecret)")
        }
        guard bytes.count <= self.longestText else { throw TokenKeyProblem("is larger than 1 MiB") }
        var verifiers: [TokenAlgorithm: any JWTAlgorithm] = [:]
        let hashes: [(TokenAlgorithm, DigestAlgorithm, bytes: Int)] = [
            (.hs256, .sha256, 32), (.hs384, .sha384, 48), (.hs512, .sha512, 64),
        ]
        for (algorithm, hash, fewest) in hashes where bytes.count >= fewest {
            let collection = await JWTKeyCollection().add(hmac: HMACKey(from: bytes), digestAlgorithm: hash)
            verifiers[algorithm] = try? await collection.getKey()
        }
        return TokenKeys(
            [Ready(identifier: nil, verifiers: verifiers)], skipped: [], source: CredentialDigest(of: bytes))
    }

    /// Whether one of the keys that may have signed the token did.
    func check(_ token: CompactToken) throws(TokenFault) {
        let verifiers = self.verifiers(named: token.keyIdentifier)[token.algorithm] ?? []
        guard !verifiers.isEmpty else { throw .unknownKey }
        let isSigned = verifiers.prefix(Self.mostTried).contains { verifier in
            // A signature that has not even the right length is an error of jwt-kit's.
            (try? verifier.verify(token.signature, signs: token.signingInput)) == true
        }
        guard isSigned else { throw .badSignature }
    }

    /// Those of that name, or when none has it those without one; without a name, all.
    private func verifiers(named identifier: String?) -> Verifiers {
        guard let identifier else { return self.all }
        return self.byIdentifier[Array(identifier.utf8)] ?? self.unnamed
    }
}

extension TokenKeys {
    /// One key, and what verifies with it.
    private struct Ready {
        var identifier: String?
        var verifiers: [TokenAlgorithm: any JWTAlgorithm]
    }

    private init(_ keys: [Ready], skipped: [String], source: CredentialDigest) {
        var all: Verifiers = [:]
        var byIdentifier: [[UInt8]: Verifiers] = [:]
        var unnamed: Verifiers = [:]
        for key in keys {
            for (algorithm, verifier) in key.verifiers {
                all[algorithm, default: []].append(verifier)
                if let identifier = key.identifier {
                    byIdentifier[Array(identifier.utf8), default: [:]][algorithm, default: []].append(verifier)
                } else {
                    unnamed[algorithm, default: []].append(verifier)
                }
            }
        }
        self.algorithms = Set(all.keys)
        self.count = keys.count
        self.skipped = skipped
        self.source = source
        self.all = all
        self.byIdentifier = byIdentifier
        self.unnamed = unnamed
    }

    /// jwt-kit gives what verifies only by way of a collection, which is an actor.
    private static func ready(_ key: WebKey) async throws(WebKey.Unusable) -> Ready {
        let identifier = JWKIdentifier(string: key.identifier ?? "")
        var verifiers: [TokenAlgorithm: any JWTAlgorithm] = [:]
        for algorithm in key.algorithms {
            do {
                let collection = try await JWTKeyCollection().add(jwk: key.jwk(for: algorithm, identifier: identifier))
                verifiers[algorithm] = try await collection.getKey(for: identifier)
            } catch {
                throw WebKey.Unusable(reason: "its numbers are no key: a point off the curve, or a wrong exponent")
            }
        }
        return Ready(identifier: key.identifier, verifiers: verifiers)
    }
}
