/// The result of `usher check --json`.
///
/// - Parameter notes: what is worth knowing of a file that can be used.
package func checkReportJSON(
    file: String, problems: [ConfigurationProblem], notes: [(key: String, message: String, isWarning: Bool)] = []
) -> String {
    let entries = problems.map { problem in
        JSON.members([
            "line": .int(problem.line), "column": .int(problem.column), "key": .string(problem.keyPath),
            "message": .string(problem.message),
        ])
    }
    let report = JSON.members([
        "file": .string(file), "ok": .bool(problems.isEmpty), "problems": .array(entries),
        "notes": .array(
            notes.map { note in
                .members([
                    "key": .string(note.key), "message": .string(note.message), "warning": .bool(note.isWarning),
                ])
            }),
    ])
    return report.text
}
