/// Finds what somebody probably meant to write.
package enum Spelling {
    /// Longer words are not compared, so that hostile input costs nothing. Unit: characters.
    static let lengthMaximum = 64

    /// The candidate with the fewest edits, if those are at most a third of the longer word.
    ///
    /// An edit inserts, deletes or replaces a character or swaps two neighbours. Case is ignored; the first wins a tie.
    package static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let written = Array(word.lowercased().prefix(lengthMaximum + 1))
        guard !written.isEmpty, written.count <= lengthMaximum else { return nil }
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().prefix(lengthMaximum + 1))
            guard letters.count <= lengthMaximum else { continue }
            let allowed = max(1, max(written.count, letters.count) / 3)
            let distance = edits(written, letters)
            if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// ` (did you mean 'x'?)`, or nothing when no candidate is near.
    package static func hint(for word: String, among candidates: some Sequence<String>) -> String {
        nearest(to: word, among: candidates).map { " (did you mean '\($0)'?)" } ?? ""
    }

    /// Optimal string alignment distance: each pair of neighbours is swapped at most once.
    static func edits(_ left: [Character], _ right: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            row.reserveCapacity(right.count + 1)
            for j in right.indices {
                let replaced = last[j] + (left[i] == right[j] ? 0 : 1)
                var distance = min(last[j + 1] + 1, row[j] + 1, replaced)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    distance = min(distance, beforeLast[j - 1] + 1)
                }
                row.append(distance)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
