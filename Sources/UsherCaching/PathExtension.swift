internal import UsherHTTP

/// What the end of a path says of its content: `.css`, `.png`.
///
/// A service that answers `/account/x.css` with somebody's account page would fill the cache with it (web cache
/// deception). With the type compared, such a page is not kept.
public enum PathExtension {
    /// The beginnings of the content types that a target's extension stands for; nil: it says nothing.
    public static func contentTypes(of target: Span<UInt8>) -> [StaticString]? {
        var end = 0
        while end < target.count, target[end] != UInt8(ascii: "?") { end += 1 }
        var start = end
        while start > 0, target[start - 1] != UInt8(ascii: "."), target[start - 1] != UInt8(ascii: "/") { start -= 1 }
        guard start > 0, start < end, end - start <= 8, target[start - 1] == UInt8(ascii: ".") else { return nil }
        let text = String(decoding: (start..<end).map { Octets.lowercased(target[$0]) }, as: UTF8.self)
        return table[text]
    }

    /// Whether a `Content-Type` is one of them.
    public static func isOne(of types: [StaticString], _ value: Span<UInt8>) -> Bool {
        types.contains { type in
            guard value.count >= type.utf8CodeUnitCount else { return false }
            for index in 0..<type.utf8CodeUnitCount {
                guard unsafe Octets.lowercased(value[index]) == type.utf8Start[index] else { return false }
            }
            return true
        }
    }

    private static let table: [String: [StaticString]] = [
        "css": ["text/css"],
        "js": ["text/javascript", "application/javascript", "application/x-javascript"],
        "mjs": ["text/javascript", "application/javascript"],
        "json": ["application/json", "text/json"], "map": ["application/json", "application/octet-stream"],
        "png": ["image/"], "jpg": ["image/"], "jpeg": ["image/"], "gif": ["image/"], "webp": ["image/"],
        "avif": ["image/"], "svg": ["image/"], "ico": ["image/"], "bmp": ["image/"],
        "woff": ["font/", "application/font-woff", "application/octet-stream"],
        "woff2": ["font/", "application/font-woff2", "application/octet-stream"],
        "ttf": ["font/", "application/x-font-ttf", "application/octet-stream"],
        "otf": ["font/", "application/x-font-opentype", "application/octet-stream"],
        "mp4": ["video/"], "webm": ["video/", "audio/"], "mp3": ["audio/"],
        "ogg": ["audio/", "video/", "application/ogg"],
        "pdf": ["application/pdf"], "txt": ["text/plain"], "xml": ["application/xml", "text/xml"],
        "wasm": ["application/wasm"],
    ]
}
