import NIOCore
import Testing
import UsherCaching
import UsherHTTP

@Suite("Cache-Status", .timeLimit(.minutes(1)))
struct CacheStatusTests {
    private static func line(_ status: CacheStatus) -> String {
        var out = ByteBuffer()
        out.writeHead(reserving: CacheStatus.lineCount) { status.write(to: &$0) }
        #expect(out.readableBytes <= CacheStatus.lineCount)
        return String(buffer: out)
    }

    @Test(
        "RFC 9211 §2: one member that says what happened",
        arguments: [
            (CacheStatus(isHit: true, timeToLive: 12), "usher; hit; ttl=12"),
            (CacheStatus(isHit: true, timeToLive: -5), "usher; hit; ttl=-5"),
            (CacheStatus(isHit: true, timeToLive: 0), "usher; hit; ttl=0"),
            (CacheStatus(isHit: true, timeToLive: .min), "usher; hit; ttl=-9223372036854775807"),
            (
                CacheStatus(forward: .stale, forwardStatus: 304, isStored: true, isCollapsed: true),
                "usher; fwd=stale; fwd-status=304; stored; collapsed"
            ),
            (CacheStatus(forward: .uriMiss, detail: "no-store"), "usher; fwd=uri-miss; detail=no-store"),
            (CacheStatus(isHit: true, forward: .stale, forwardStatus: 200), "usher; hit"), (CacheStatus(), "usher"),
            (CacheStatus(forward: .uriMiss, timeToLive: 60, isStored: true), "usher; fwd=uri-miss; ttl=60; stored"),
        ])
    func lines(status: CacheStatus, expected: String) {
        #expect(Self.line(status) == "Cache-Status: \(expected)\r\n")
    }

    @Test("RFC 9211 §2.2: the reasons have their registered names")
    func reasons() {
        let words = CacheStatus.Forward.allCases.map { Self.line(CacheStatus(forward: $0)) }
        let names = ["uri-miss", "vary-miss", "miss", "stale", "request", "method", "bypass", "partial"]
        #expect(words == names.map { "Cache-Status: usher; fwd=\($0)\r\n" })
    }

    @Test("the longest line fits in the room that is reserved for it")
    func longest() {
        let status = CacheStatus(
            forward: .varyMiss, forwardStatus: 599, timeToLive: .min, isStored: true, isCollapsed: true,
            detail: "not-cacheable")
        #expect(Self.line(status).utf8.count <= CacheStatus.lineCount)
        #expect(status == status && status != CacheStatus(forward: .varyMiss, detail: "vary"))
        #expect(Set([status, status]).count == 1)
    }
}
