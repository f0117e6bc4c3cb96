import Foundation
import Testing
import UsherSharding

/// docs/sharding-vectors.md, whose numbers another program computed.
@Suite("Published owners", .timeLimit(.minutes(1))) struct VectorTests {
    /// One row: a key and what the page says about it.
    struct Row: Sendable, CustomTestStringConvertible {
        var shown: String
        var key: [UInt8]
        var cells: [String]

        var testDescription: String { shown }
    }

    private static let page: [[Row]] = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../docs/sharding-vectors.md")
        let text = (try? String(contentsOf: root, encoding: .utf8)) ?? ""
        return text.components(separatedBy: "| --- |\n").dropFirst().map { table in
            table.split(separator: "\n").prefix { $0.hasPrefix("| ") }.map { row(String($0)) }
        }
    }()

    static let equal = page.first ?? []
    static let weighted = page.dropFirst().first ?? []
    static let ranged = page.last ?? []

    private static func row(_ line: String) -> Row {
        let cells = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
        let quoted = cells[0].components(separatedBy: "`")
        let text = quoted.count > 1 ? quoted[1] : ""
        let key: [UInt8] =
            if cells[0].hasPrefix("bytes ") {
                text.split(separator: " ").compactMap { UInt8($0, radix: 16) }
            } else if cells[0].hasSuffix(" 8192 times") {
                [UInt8](repeating: Array(text.utf8)[0], count: 8192)
            } else {
                Array(text.utf8)
            }
        return Row(shown: cells[0], key: key, cells: Array(cells.dropFirst()))
    }

    @Test("the page has its three tables")
    func tables() {
        #expect(Self.page.map(\.count) == [18, 18, 13])
    }

    @Test("of ten shards of one weight", arguments: equal)
    func ofEqual(row: Row) throws {
        let hash = ShardKey(row.key.span).hash
        #expect(UInt64(row.cells[0].dropFirst().dropLast(), radix: 16) == hash)
        for (function, name) in zip(ShardingFunction.hashing, row.cells.dropFirst()) {
            let map = try ShardMap(Shard.numbered(10), function)
            #expect(map.owner(row.key) == name, "\(function.name)")
        }
    }

    @Test("of three shards of different weights", arguments: weighted)
    func ofWeighted(row: Row) throws {
        let shards = [1, 2, 4].enumerated().map { Shard(name: "s\($0)", weight: $1) }
        #expect(try ShardMap(shards, .rendezvous).order(row.key, atMost: 3).joined(separator: " ") == row.cells[0])
        #expect(try ShardMap(shards, .maglev).owner(row.key) == row.cells[1])
        #expect(try ShardMap(shards, .ring).order(row.key, atMost: 3).joined(separator: " ") == row.cells[2])
    }

    @Test("of ranges", arguments: ranged)
    func ofRanges(row: Row) throws {
        let shards = [
            Shard(name: "a", from: [[], Array("ca".utf8)]), Shard(name: "b", from: [Array("c".utf8), [0x80]]),
            Shard(name: "c", from: [Array("m".utf8), [0xFF, 0xFF]]),
        ]
        #expect(try ShardMap(shards, .ranges).owner(row.key) == row.cells[0])
    }
}
