import Foundation
import JWTKit
import Testing
import UsherCore

@testable import UsherIdentities

/// A key that signs tokens for a test, and its public part as a key set has it.
struct TestKey: Sendable {
    let algorithm: TokenAlgorithm
    let signer: any JWTAlgorithm
    /// Members of the JWK, without braces.
    let members: String
    let secret: [UInt8]

    static func make(_ algorithm: TokenAlgorithm) async throws -> TestKey {
        let collection = JWTKeyCollection()
        var secret: [UInt8] = []
        let members: String
        switch algorithm {
        case .hs256, .hs384, .hs512:
            secret = (0..<64).map { _ in UInt8.random(in: .min ... .max) }
            await collection.add(hmac: HMACKey(from: secret), digestAlgorithm: digest(algorithm))
            members = "\"kty\":\"oct\",\"k\":\"\(Base64.encodeURL(secret))\""
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512:
            let key = try Insecure.RSA.PrivateKey(pem: rsaPrivateKey)
            let isPSS = algorithm.rawValue.hasPrefix("PS")
            if isPSS {
                await collection.add(pss: key, digestAlgorithm: digest(algorithm))
            } else {
                await collection.add(rsa: key, digestAlgorithm: digest(algorithm))
            }
            let numbers = try key.publicKey.getKeyPrimitives()
            let (n, e) = (Base64.encodeURL(numbers.modulus), Base64.encodeURL(numbers.publicExponent))
            members = "\"kty\":\"RSA\",\"n\":\"\(n)\",\"e\":\"\(e)\""
        case .es256: members = try await add(ES256PrivateKey(), "P-256", to: collection)
        case .es384: members = try await add(ES384PrivateKey(), "P-384", to: collection)
        case .es512: members = try await add(ES512PrivateKey(), "P-521", to: collection)
        case .edDSA:
            let key = try EdDSA.PrivateKey()
            await collection.add(eddsa: key)
            let x = Base64.encodeURL(key.publicKey.rawRepresentation)
            members = "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\(x)\""
        }
        let signer = try await collection.getKey()
        return TestKey(algorithm: algorithm, signer: signer, members: members, secret: secret)
    }

    /// The key set of the key, or the secret.
    func keys(_ more: String = "") async throws -> TokenKeys {
        try await algorithm.isSymmetric ? .secret(secret) : .jwks(Array(keySet([jwk(more)]).utf8))
    }

    func jwk(_ more: String = "") -> String { "{\(members)\(more)}" }

    /// A token with exactly this header and these claims.
    func token(header: String? = nil, _ claims: String) throws -> [UInt8] {
        try token(header: Array((header ?? "{\"alg\":\"\(algorithm.rawValue)\"}").utf8), claims: Array(claims.utf8))
    }

    func token(header: [UInt8], claims: [UInt8]) throws -> [UInt8] {
        let input = Array((Base64.encodeURL(header) + "." + Base64.encodeURL(claims)).utf8)
        return input + [UInt8(ascii: ".")] + Base64.encodeURL(try signer.sign(input)).utf8
    }

    /// An HS256 token signed with any bytes.
    static func signed(secret: [UInt8], _ claims: String) async throws -> [UInt8] {
        let collection = await JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        let signer = try await collection.getKey()
        return try TestKey(algorithm: .hs256, signer: signer, members: "", secret: secret).token(claims)
    }

    private static func digest(_ algorithm: TokenAlgorithm) -> DigestAlgorithm {
        switch algorithm.rawValue.suffix(3) {
        case "256": .sha256
        case "384": .sha384
        default: .sha512
        }
    }

    private static func add(
        _ key: some ECDSAKey, _ curve: String, to collection: JWTKeyCollection
    ) async throws -> String {
        await collection.add(ecdsa: key)
        let parameters = try #require(key.parameters)
        let x = Base64.encodeURL(try #require(Data(base64Encoded: parameters.x)))
        let y = Base64.encodeURL(try #require(Data(base64Encoded: parameters.y)))
        return "\"kty\":\"EC\",\"crv\":\"\(curve)\",\"x\":\"\(x)\",\"y\":\"\(y)\""
    }
}

func keySet(_ keys: [String]) -> String { "{\"keys\":[\(keys.joined(separator: ","))]}" }

/// When the tests' tokens are looked at. Unit: seconds since the Unix epoch.
let now: Int64 = 1_800_000_000
let goodClaims = "{\"sub\":\"ann\",\"exp\":\(now + 100)}"

extension TokenVerifier {
    /// The fault, or nil.
    func fault(_ token: [UInt8], at moment: Int64 = now) -> TokenFault? {
        switch verify(token, unixSeconds: moment) {
        case .success: nil
        case .failure(let fault): fault
        }
    }
}

/// Made for these tests with `openssl genpkey`; it protects nothing.
private let rsaPrivateKey = """
    -----BEGIN PRIVATE KEY-----
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCtOH7X+TYzswps
    uJPQe1ZMUYwMHlZ1zgUjlSy16bDgSQNelq7X6OnjseBM2e4poxBge66eymU3JoXm
    Jv7548SQ3aY7frVfK2rrHKGRkKkCX8IZfr9JkSp73jBfznOo2BQSBb2ZjavUsDOm
    O+LQsqk6mXAFcWkITL6HCgDTjMhNkagcBXiZG/8xKYouqAfBfWNZae1NFPgBQRH1
    9mGnwVcHOUT28AHMHGRvj4/eXH6vH1ols5l3Jj5BWzJnRXZWjFR8wu8sEA64lBTf
    hfB+v1OzEQrE5+iQyPZV+bS2r+QhFizAY9f71zEgGCwnyYphBNllbR4BWxdyyiUD
    NCBTfna3AgMBAAECggEALFbbRR5SDP7F6tl+YK3Jg8SV9B4p5ILFVvve03vLnkWi
    OqqYe8TvZazI7PMV3wuR7BiMtLG7IdhXCvgtaTqvvKM341/GPmOnPSJ5iwC7+lMX
    pJ4IieTCOq2/tS5r9arFzG0ywKT+eHVX6zPGFcS9w7W18na6u3ilhnx9hKkzNoNn
    Pr13OikkGnd9KMYDj12+D21oyb1ivusq8JJ99sFVYDPPbyp89nnNxX7WH0VxXYAj
    C9MVakyQXChl8bQVKjk8TiREBWtYrb8Nu3MUdH7N8SgRHPoqSq+z+ZSyAo8MDdj/
    1GU58ytrEXxo19rLkyZnBiO4jpIbVprY9JDJf1p2hQKBgQDsQ9vmUtBs4mNZuQdA
    MBpInDbaO1QzzHKJ7FZaW4cKuWs5kzcbpg9nZCRvyvKh3FL7ezX+H248TWusc35v
    hfcuS/+BW50UZzdJc3QxPIPrCTrTFixUdHA8bIjZWuf2a9hjDuefSDU3Ddxao0aQ
    dY+M4S6yEKA+kTshcZB/hL9hAwKBgQC7sIkh14970eerKATWKpDfEYlKzEE0lC9t
    3Mia8BixWYt8AO+Bl1MBvX9Z4WGod04LPPzvfXFTrxWqOXx/QJ40rKdJUPlMQ7Vj
    j2Zf9Ola2nis0gC2Is1CaU/2OHHbw27DZHM8ShoOkTz+/z+ePnmPvtMXtNaPtkzj
    0jHDGHBzPQKBgQCvQptR3Ka9zqXSPb4SMFye9jp+YjpQ/l0M0OMxvemL3AWdPQZJ
    HUMZ+CBLSWn5Bb4MzNY9f0U/uFKiJz5oLiExF7EeXT5Fj1dkxh8wEurso/kd8rnJ
    oGJNgFl3msatdkybFshc0Kyg/UgzeCD1Mi/dWoFQF6M3JnaNlXeSEIACzwKBgGYB
    YeY0o1SmFgSdcVN8OtQhUb6HGAEdcFGDJrueNa1df0Nbts91kLVnaelNZqgKfy34
    bXczc/4JL/sd1x3J3rG+DAT6ryLVwaVkcD1Ce/jWt7MlRyG19FxdpAmrT6YipvYm
    h8KCe3rjUIU98DNuvN501YES1XGxoERJHqZrh+H5AoGAQCQKwtXvAupKUwmvXZ/n
    LBR90AEXdPfxnXh3lxeS3yHZD4NogrMmVeEmUxG3iML3s62G8TQCkua/raVycGyF
    Dy/4t0dx50WKDS0TV3u3mgcogA5ajm0y5NHu8le71JLn//fY8cguDXwFTYR3DVj0
    uom3zBbZU1a0ivTr1BQ09eQ=
    -----END PRIVATE KEY-----
    """
