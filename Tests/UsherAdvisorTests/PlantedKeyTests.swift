import Testing
import UsherAdvisor
import UsherCore
import UsherSharding

/// Logs whose right key is known.
@Suite("Planted keys", .timeLimit(.minutes(3)))
struct PlantedKeyTests {
    typealias Truth = PlantedLog.Truth
    typealias Noise = PlantedLog.Noise

    private static func advice(_ log: PlantedLog, _ lines: Int, countries: Bool = false) throws -> Advice {
        var options = Advisor.Options()
        if countries {
            options.countries = try CountryTable(text: PlantedLog.table.utf8Span.span)
            options.countriesFile = "countries.csv"
        }
        var advisor = Advisor(options)
        var log = log
        for _ in 0..<lines / 1000 { advisor.append(log.lines(1000)) }
        return advisor.finish()
    }

    private static func verdict(_ key: String, _ advice: Advice) -> Advice.Verdict? {
        advice.candidates.first { $0.key == key }?.verdict
    }

    private static let country = #"[{ take: "{source-address}", normalise: [country] }, "{path}"]"#

    @Test("the book's example: path is too general, address and path too specific, country and path is right")
    func book() throws {
        var log = PlantedLog(seed: 1)
        log.truth = .countryAndPath
        let advice = try Self.advice(log, 50_000, countries: true)
        #expect(advice.candidates.first?.key == Self.country && advice.candidates.first?.verdict == .good)
        #expect(Self.verdict("{path}", advice) == .tooGeneral)
        #expect(Self.verdict(#"["{source-address}", "{path}"]"#, advice) == .tooSpecific)
        #expect(advice.candidates.first { $0.label == "the request as a whole" }?.verdict == .tooSpecific)
        #expect(advice.candidates.first { $0.key == "{path}" }?.answers.cause == "country of {source-address}")
        #expect(advice.configuration.last == "  key: " + Self.country)
        #expect(advice.configuration.contains(#"  countries: "countries.csv""#))
    }

    @Test("without a table of countries blocks of addresses stand for them, and the advice says so")
    func noTable() throws {
        var log = PlantedLog(seed: 2)
        (log.truth, log.paths) = (.countryAndPath, 200)
        let advice = try Self.advice(log, 15_000)
        #expect(advice.candidates.first?.key == #"["{source-address/24}", "{path}"]"#)
        #expect(advice.notes.contains { $0.contains("--countries") })
    }

    @Test("where the log names countries no table is needed to judge them")
    func namedCountries() throws {
        var log = PlantedLog(seed: 7)
        (log.truth, log.paths, log.form, log.namesCountries) = (.countryAndPath, 200, .nginx, true)
        let advice = try Self.advice(log, 15_000)
        #expect(advice.candidates.first?.key == Self.country)
        #expect(advice.notes.contains { $0.contains("needs a table") })
    }

    @Test(
        "what answers depend on is found in every form of log",
        arguments: [
            (Truth.path, "{path}"), (.addressAndPath, #"["{source-address}", "{path}"]"#),
            (.identityAndPath, #"["{identity}", "{path}"]"#), (.tenantAndPath, #"["{path}", "{query.tenant}"]"#),
            (.hostAndPath, #"["{host}", "{path}"]"#), (.languageAndPath, #"["{path}", "{header.accept-language}"]"#),
            (.headerAndPath, #"["{path}", "{header.x-tenant}"]"#), (.cookieAndPath, #"["{cookie.sid}", "{path}"]"#),
            (.identity, "{identity}"),
        ], PlantedLog.Form.allCases)
    func found(planted: (truth: Truth, key: String), form: PlantedLog.Form) throws {
        // Combined lines have no fields of the user's own.
        if planted.truth == .headerAndPath, form == .combined { return }
        var log = PlantedLog(seed: 3)
        (log.truth, log.form, log.paths, log.clients) = (planted.truth, form, 100, 300)
        let advice = try Self.advice(log, 6000)
        let best = advice.candidates.first
        #expect(best?.key == planted.key && best?.verdict == .good, "\(advice.candidates.prefix(3))")
    }

    @Test(
        "what is no property of a key does not mislead",
        arguments: [Noise.updates, .compression, .randomSizes, .brokenLines], [Truth.path, .tenantAndPath])
    func noise(noise: Noise, truth: Truth) throws {
        var log = PlantedLog(seed: 4)
        (log.noise, log.truth, log.paths) = (noise, truth, 200)
        let advice = try Self.advice(log, 12_000)
        let key = truth == .path ? "{path}" : #"["{path}", "{query.tenant}"]"#
        #expect(advice.candidates.first?.key == key, "\(advice.candidates.prefix(3))")
        #expect(noise == .brokenLines ? (1000...1500).contains(advice.skipped) : advice.skipped == 0)
    }

    @Test("a site of which only a part depends on the country needs the country all the same")
    func files() throws {
        var log = PlantedLog(seed: 5)
        (log.noise, log.truth, log.paths) = (.files, .countryAndPath, 200)
        let advice = try Self.advice(log, 12_000, countries: true)
        #expect(advice.candidates.first?.key == Self.country)
    }

    @Test("a key of three parts is found from the answers of the first lines")
    func threeParts() throws {
        var log = PlantedLog(seed: 6)
        (log.truth, log.paths) = (.countryTenantAndPath, 100)
        let advice = try Self.advice(log, 20_000, countries: true)
        let key = #"[{ take: "{source-address}", normalise: [country] }, "{path}", "{query.tenant}"]"#
        #expect(advice.candidates.first?.key == key, "\(advice.candidates.prefix(3))")
    }
}
