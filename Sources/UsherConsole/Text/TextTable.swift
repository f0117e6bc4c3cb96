/// Lays out cells in columns as wide as their widest cell, for a terminal.
package struct TextTable {
    package struct Column {
        var title: String
        var alignment: Alignment

        package init(title: String, alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    package enum Alignment {
        case left, right
    }

    package struct Cell {
        var text: String
        var colour = TextColour.none

        package init(_ text: String, _ colour: TextColour = .none) {
            self.text = text
            self.colour = colour
        }
    }

    private enum Line {
        case row([Cell])
        /// A text of its own, which begins where a column does.
        case note(Cell, column: Int)
    }

    /// Between two columns.
    private static let gap = "  "

    private let columns: [Column]
    private var lines: [Line] = []

    package init(_ columns: [Column]) {
        self.columns = columns
    }

    /// Cells beyond the last column are left out, missing ones are empty.
    package mutating func add(_ cells: [Cell]) {
        lines.append(.row(cells))
    }

    package mutating func addNote(_ cell: Cell, at column: Int) {
        lines.append(.note(cell, column: column))
    }

    /// A sentence in the last column or in a note is broken at the width of `style`; nothing is cut.
    package func text(_ style: TextStyle) -> String {
        let widths = columnWidths
        let title = row(columns.map { Cell($0.title, .faint) }, widths, style)
        let body = lines.map { line in
            switch line {
            case .row(let cells): row(cells, widths, style)
            case .note(let cell, let column): note(cell, widths.prefix(column), style)
            }
        }
        return ([title] + body).joined(separator: "\n")
    }

    private var columnWidths: [Int] {
        var widths = columns.map(\.title.count)
        for case .row(let cells) in lines {
            for (index, cell) in cells.enumerated() where widths.indices.contains(index) {
                widths[index] = max(widths[index], TextStyle.printable(cell.text).count)
            }
        }
        return widths
    }

    private func row(_ cells: [Cell], _ widths: [Int], _ style: TextStyle) -> String {
        var line = ""
        for (index, column) in columns.enumerated() {
            let cell = cells.indices.contains(index) ? cells[index] : Cell("")
            let text = TextStyle.printable(cell.text)
            let padding = String(repeating: " ", count: max(0, widths[index] - text.count))
            if index > 0 { line += Self.gap }
            if index == columns.count - 1, column.alignment == .left {
                let indent = widths.dropLast().reduce(0) { $0 + $1 + Self.gap.count }
                line += style.wrapped(cell.text, cell.colour, indent: indent)
            } else if column.alignment == .left {
                line += style.coloured(text, cell.colour) + padding
            } else {
                line += padding + style.coloured(text, cell.colour)
            }
        }
        // Empty cells at the end leave nothing behind.
        while line.hasSuffix(" ") { line.removeLast() }
        return line
    }

    private func note(_ cell: Cell, _ before: ArraySlice<Int>, _ style: TextStyle) -> String {
        let indent = before.reduce(0) { $0 + $1 + Self.gap.count }
        return String(repeating: " ", count: indent) + style.wrapped(cell.text, cell.colour, indent: indent)
    }
}
