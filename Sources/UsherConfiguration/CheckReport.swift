/// The result of `usher check --json`.
package func checkReportJSON(file: String, problems: [ConfigurationProblem]) -> String {
    let entries = problems.map { problem in
        JSON.members([
            "line": .int(problem.line), "column": .int(problem.column), "key": .string(problem.keyPath),
            "message": .string(problem.message),
        ])
    }
    let report = JSON.members([
        "file": .string(file), "ok": .bool(problems.isEmpty), "problems": .array(entries),
    ])
    return report.text
}
