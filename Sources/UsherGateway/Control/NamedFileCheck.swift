import Logging
package import UsherConfiguration

/// Whether the files that a configuration names beside certificates can be used: for commands, when no Usher runs.
package enum NamedFileCheck {
    /// What could not be used, and where in the configuration it is named. A key set of a URL is not fetched.
    package static func problems(_ settings: Settings) async -> [(place: ConfigurationPlace, message: String)] {
        var problems = AddressFiles.problems(settings.limits).map { problem in
            (place: ConfigurationPlace([.key("limits"), .key(problem.key)]), message: problem.message)
        }
        var identities = settings.identities
        if case .url = identities.jwt?.keys { identities.jwt = nil }
        do throws(IdentityProblems) {
            let silent = Logger(label: "usher") { _ in SwiftLogNoOpLogHandler() }
            _ = try await IdentityFiles(logger: silent).load(identities)
        } catch {
            problems += error.problems.map { problem in
                (ConfigurationPlace([.key("identities"), .key(problem.key)]), problem.message)
            }
        }
        for service in settings.services {
            guard let path = service.sharded?.countries else { continue }
            do throws(NamedFileProblem) {
                _ = try CountryFile.read(path)
            } catch {
                let place = ConfigurationPlace([.key("services"), .key(service.name), .key("sharded"), .key(error.key)])
                problems.append((place, error.message))
            }
        }
        return problems
    }
}
