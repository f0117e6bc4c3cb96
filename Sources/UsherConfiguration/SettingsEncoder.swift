/// The settings as JSON in the keys of the configuration language, defaults included and secrets masked.
public func settingsJSON(_ settings: Settings) -> String {
    encoded(settings).text + "\n"
}

func encoded(_ settings: Settings) -> JSON {
    Settings.shape(file: settings.file, folder: settings.folder).kind(hint: "").write(settings)
}

/// JSON Schema (draft 2020-12) of the configuration language, for editors.
public func configurationSchema() -> String {
    schemaJSON().text + "\n"
}

func schemaJSON() -> JSON {
    let shape = Settings.shape(file: "usher.yaml", folder: "")
    guard case .object(let members) = shape.kind(hint: "").schema else { return .null }
    let head: [JSON.Member] = [
        JSON.Member(key: "$schema", value: .string("https://json-schema.org/draft/2020-12/schema")),
        JSON.Member(key: "title", value: .string("usher.yaml")),
    ]
    return .object(head + members)
}
