import Testing
import UsherCore

@testable import UsherIdentities

@Suite(.timeLimit(.minutes(1))) struct Base64Tests {
    @Test(
        "known texts (RFC 4648 §10)",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(text: String, encoded: String) {
        #expect(Base64.encodeURL(text.utf8) == encoded)
        #expect(Base64.decodeURL(encoded.utf8) == Array(text.utf8))
        let padding = String(repeating: "=", count: (4 - encoded.utf8.count % 4) % 4)
        #expect(Base64.decodeStandard(Array(encoded.utf8)) == Array(text.utf8))
        #expect(Base64.decodeStandard(Array((encoded + padding).utf8)) == Array(text.utf8))
    }

    @Test(
        "bytes have no second text",
        arguments: ["A", "AB", "Zh", "Zm9", "Zm9v\n", " Zm9v", "Zg==", "Zm8=", "Zm+v", "Zm/v", "Zm9v=", "Zé"])
    func url(text: String) {
        #expect(Base64.decodeURL(text.utf8) == nil)
    }

    @Test(
        "padding is whole or not there",
        arguments: ["Zg=", "Zm8==", "Zm9v=", "Zm9v==", "=", "==", "====", "Z=g=", "Zm-v", "Zm_v"])
    func standard(text: String) {
        #expect(Base64.decodeStandard(Array(text.utf8)) == nil)
    }

    @Test("any bytes come back, and each other text of the same length means other bytes")
    func roundTrip() {
        let seed: UInt64 = 20_261_128
        var random = SeededRandom(seed: seed)
        for _ in 0..<2000 {
            let bytes = (0..<random.below(40)).map { _ in UInt8(random.below(256)) }
            let text = Array(Base64.encodeURL(bytes).utf8)
            #expect(Base64.decodeURL(text) == bytes, "seed \(seed)")
            guard !text.isEmpty else { continue }
            var other = text
            let place = random.below(text.count)
            other[place] = UInt8(random.below(128))
            if other != text { #expect(Base64.decodeURL(other) != bytes, "seed \(seed)") }
        }
    }
}
