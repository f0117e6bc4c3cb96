import Testing

@testable import UsherCore

@Suite struct SipHashTests {
    /// The key 00 01 … 0f and the message 00 01 … of some length: the published vectors of SipHash-2-4, made once more
    /// with `openssl mac SIPHASH`. Bytes in their order of output.
    struct Vector: Sendable, CustomTestStringConvertible {
        var count: Int
        var short: UInt64
        var wide: (UInt64, UInt64)

        var testDescription: String { "\(count) bytes" }
    }

    static let vectors = [
        Vector(count: 0, short: 0x310E_0EDD_47DB_6F72, wide: (0xA381_7F04_BA25_A8E6, 0x6DF6_7214_C755_0293)),
        Vector(count: 1, short: 0xFD67_DC93_C539_F874, wide: (0xDA87_C1D8_6B99_AF44, 0x3476_5911_9B22_FC45)),
        Vector(count: 7, short: 0x37D1_018B_F500_02AB, wide: (0xA1F1_EBBE_D8DB_C153, 0xC0B8_4AA6_1FF0_8239)),
        Vector(count: 8, short: 0x6224_939A_79F5_F593, wide: (0x3B62_A9BA_6258_F561, 0x0F83_E264_F314_97B4)),
        Vector(count: 9, short: 0xB0E4_A90B_DF82_009E, wide: (0x2644_9906_0AD9_BAAB, 0xC47F_8B02_BB6D_71ED)),
        Vector(count: 15, short: 0xE545_BE49_61CA_29A1, wide: (0x5493_E999_33B0_A811, 0x7E08_EC0F_97CF_C3D9)),
        Vector(count: 16, short: 0xDB9B_C257_7FCC_2A3F, wide: (0x6EE2_A4CA_67B0_54BB, 0xFD33_15BF_8523_0577)),
        Vector(count: 63, short: 0x7245_06EB_4C32_8A95, wide: (0x5150_D177_2F50_834A, 0x503E_069A_973F_BD7C)),
    ]

    private static let key: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)

    @Test("the published vectors come out, wherever the message is cut", arguments: vectors)
    func published(_ vector: Vector) {
        let message = (0..<vector.count).map { UInt8($0) }
        for cut in 0...vector.count {
            var short = SipHash(key: Self.key)
            var wide = SipHash(key: Self.key, isWide: true)
            for piece in [Array(message[..<cut]), Array(message[cut...])] {
                short.append(piece.span)
                wide.append(piece.span)
            }
            #expect(short.finish() == vector.short.byteSwapped)
            let words = wide.finishWide()
            #expect(words.0 == vector.wide.0.byteSwapped && words.1 == vector.wide.1.byteSwapped)
        }
    }

    @Test("a word is its eight bytes, behind any tail", arguments: 0...8)
    func words(tail: Int) {
        let before = (0..<tail).map { UInt8($0) }
        let bytes: [UInt8] = [0xEF, 0xCD, 0xAB, 0x89, 0x67, 0x45, 0x23, 0x01]
        var byBytes = SipHash(key: Self.key)
        byBytes.append(before.span)
        byBytes.append(bytes.span)
        var byWord = SipHash(key: Self.key)
        byWord.append(before.span)
        byWord.append(word: 0x0123_4567_89AB_CDEF)
        #expect(byBytes.finish() == byWord.finish())
    }
}
