/// What is wrong with the lines of a file: the first is told, and how many more there are.
package struct LineProblems: Sendable {
    private var first: (line: Int, problem: TextProblem)?
    private var count = 0

    package init() {}

    /// Lines count from 1, and may come in any order.
    package mutating func add(_ problem: TextProblem, line: Int) {
        count += 1
        if let first, first.line <= line { return }
        first = (line, problem)
    }

    package func check() throws(TextProblem) {
        guard let first else { return }
        let rest = count > 1 ? "; and \(count - 1) more" : ""
        throw TextProblem("line \(first.line): \(first.problem.message)\(rest)")
    }
}
