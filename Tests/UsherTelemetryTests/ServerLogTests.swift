import Foundation
import Logging
import Testing

@testable import UsherTelemetry

@Suite struct ServerLogTests {
    private func line(_ message: String, _ metadata: [(String, String)] = [], level: Logger.Level = .info) -> String {
        let bytes = ServerLogHandler.line(
            unixSeconds: 1_795_341_600, level: level, message: message,
            metadata: metadata.map { (key: $0.0, value: $0.1) })
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a line is time, level, message and pairs")
    func form() {
        #expect(
            line("listening", [("address", "0.0.0.0:8080"), ("why", "two words"), ("none", "")])
                == "2026-11-22T10:00:00Z info  listening address=0.0.0.0:8080 why=\"two words\" none=\"\"\n")
        #expect(line("down", level: .error) == "2026-11-22T10:00:00Z error down\n")
    }

    @Test(
        "no message makes a second line or moves the cursor",
        arguments: ["a\nb", "a\r\nb", "\u{1b}[2J", "\u{7f}\u{85}", "a\u{2028}b", "\u{202e}x", "\u{0}"])
    func injection(text: String) {
        for line in [line(text), line("m", [(text, "v")]), line("m", [("k", text)])] {
            let scalars = line.unicodeScalars.dropLast()
            #expect(!scalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) || $0.value == 0x2028 })
            #expect(line.hasSuffix("\n"))
        }
    }

    @Test("a quote in a value is escaped")
    func quotes() {
        #expect(line("m", [("k", "a\"b")]).hasSuffix(" k=\"a\\\"b\"\n"))
    }

    @Test("a logger writes to its descriptor, with its own metadata and the message's, above its level only")
    func logger() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        var logger = Logger(label: "test") { _ in ServerLogHandler(level: .info, descriptor: descriptor) }
        logger[metadataKey: "worker"] = "1"
        logger.debug("not shown")
        logger.warning("shown", metadata: ["a": "b"])
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(text.hasSuffix("Z warning shown a=b worker=1\n"))
        #expect(text.split(separator: "\n").count == 1)
    }
}
