/// The load of equal parts of the keys by the recommended key as an SVG picture: a bar a part, a line at the mean.
package enum LoadPicture {
    private static let barHeight = 18
    private static let gap = 8
    private static let left = 80
    private static let barWidth = 480
    private static let top = 56
    private static let width = 760

    /// Nil: no key is recommended.
    package static func svg(_ advice: Advice) -> String? {
        guard let best = advice.candidates.first, let load = best.load else { return nil }
        let total = max(load.reduce(0) { $0 + $1.requests }, 1)
        let peak = max(load.map(\.requests).max() ?? 1, 1)
        let height = top + load.count * (barHeight + gap) + gap
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)\" height=\"\(height)\" "
                + "viewBox=\"0 0 \(width) \(height)\" font-family=\"sans-serif\" font-size=\"13\">",
            "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            "<text x=\"16\" y=\"24\" font-size=\"15\">Load of equal parts of the keys, one a shard, by "
                + "\(escaped(best.label))</text>",
            "<text x=\"16\" y=\"44\" fill=\"#666666\">\(load.count) parts, requests; the line is the mean</text>",
        ]
        for (index, part) in load.enumerated() {
            let y = top + index * (barHeight + gap)
            let length = part.requests * barWidth / peak
            let share = percent(Double(part.requests) / Double(total))
            lines += [
                "<text x=\"\(left - 8)\" y=\"\(y + 14)\" text-anchor=\"end\">part \(part.part)</text>",
                "<rect x=\"\(left)\" y=\"\(y)\" width=\"\(length)\" height=\"\(barHeight)\" fill=\"#3b7dd8\"/>",
                "<text x=\"\(left + length + 6)\" y=\"\(y + 14)\" fill=\"#444444\">\(share)</text>",
            ]
        }
        let mean = left + total * barWidth / (load.count * peak)
        lines += [
            "<line x1=\"\(mean)\" y1=\"\(top - 4)\" x2=\"\(mean)\" y2=\"\(height - gap)\" stroke=\"#c0392b\" "
                + "stroke-dasharray=\"4 3\"/>",
            "</svg>",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
