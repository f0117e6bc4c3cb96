import Testing
import UsherConfiguration
import UsherCore

@Suite struct SettingsEncoderTests {
    private func read(_ text: String) throws -> Settings {
        try ConfigurationReader.read(text: text, file: "/etc/usher.yaml", environment: ["TOKEN": "hidden"])
    }

    @Test(
        "the settings as JSON are a configuration that reads as the same settings",
        arguments: [
            completeConfiguration, starterConfiguration, "services: { web: { replicas: [127.0.0.1:9001] } }",
            "routes: [{ respond: { body: \"a \\\" b \\n \\u00e9 \\\\ \" } }]",
        ])
    func roundTrip(text: String) throws {
        let settings = try read(text)
        #expect(try read(settingsJSON(settings)) == settings)
    }

    @Test("secrets are masked")
    func masked() throws {
        let json = settingsJSON(
            try read(
                """
                services:
                  a: { replicas: { run: [app, "{port}", --token, hidden, "DB_PASSWORD=hidden", --verbose, shown] } }
                routes:
                  - match: { headers: { X-API-Key: hidden, X-Beta: shown } }
                    request-headers:
                      set: { Authorization: "Bearer ${TOKEN}", Cookie: hidden, X-Token: hidden, X-Plain: shown }
                    service: a
                """))
        #expect(!json.contains("hidden"))
        #expect(json.split(separator: "***").count == 7)
        #expect(json.split(separator: "shown").count == 4)
    }
}
