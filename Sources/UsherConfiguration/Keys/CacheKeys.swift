import UsherCore

extension CacheSettings {
    static var shape: Shape<CacheSettings> {
        Shape(
            initial: CacheSettings(name: ""),
            keys: [
                .value(
                    "memory", \.memory, .bytes(.mebibytes(1)...(.gibibytes(1 << 20))),
                    "What all answers may take together."),
                .value(
                    "object-limit", \.objectLimit, .bytes(ByteCount(bytes: 1)...(.gibibytes(64))),
                    "Longer answers pass and are not kept."),
                .optional(
                    "key", \.key, .list(of: .cacheKey, atLeast: 1, hint: "[\"{host}\", \"{path}\"]"),
                    default: "scheme, host, path and query",
                    "What tells answers apart, such as [\"{host}\", \"{path}\", \"{query.page}\"]."),
                .value(
                    "drop-query", \.dropQuery, .list(of: .parameterPattern, hint: "[utm_*, fbclid]"),
                    "Query parameters that tell no answers apart; `*` at the end stands for any rest."),
                .value(
                    "sort-query", \.sortQuery, .bool, "true: parameters in another order are the same request."),
                .value(
                    "check-extension", \.checkExtension, .bool,
                    "true: keeps an answer only when its Content-Type is what the path's extension says."),
                .value(
                    "purge-from", \.purgeFrom, .list(of: .ranges, hint: "[10.0.0.0/8]"),
                    "Whose PURGE requests are obeyed."),
            ],
            finish: { cache, node, reading in
                if cache.objectLimit > cache.memory {
                    if case .mapping(let entries) = node.content, entries.contains(where: { $0.key == "object-limit" })
                    {
                        reading.note(
                            "object-limit (\(cache.objectLimit)) is larger than memory (\(cache.memory))",
                            at: node.position)
                    }
                    // The default is for caches that are large enough for it.
                    cache.objectLimit = cache.memory
                }
                if cache.key != nil, cache.sortQuery || !cache.dropQuery.isEmpty {
                    reading.note("sort-query and drop-query do nothing beside a `key`", at: node.position)
                }
            })
    }
}

extension Kind where Value == [CacheSettings] {
    static var caches: Kind {
        named(
            CacheSettings.shape.kind(hint: "{ memory: 256MiB }"), hint: "{ pages: { memory: 256MiB } }",
            check: Kind<String>.plainNameProblem,
            make: { name, cache in
                var cache = cache
                cache.name = name
                return cache
            }, take: { ($0.name, $0) })
    }
}

extension Kind where Value == Template {
    /// What tells answers apart. A cache is asked before a service is chosen, and before a body is read.
    static var cacheKey: Kind {
        line.checked { template in
            for case .variables(let variables) in template.parts {
                for variable in variables {
                    if case .service = variable { return "{service} is not known yet when a cache is asked" }
                    if case .body = variable { return "requests with a body are not cached" }
                }
            }
            return nil
        }
    }
}

extension Kind where Value == String {
    /// The name of a query parameter, with `*` for any rest at most at its end.
    static var parameterPattern: Kind {
        text.checked { text in
            if text.isEmpty { return "is empty" }
            return text.dropLast().contains("*") ? "can have a `*` at its end only" : nil
        }
    }

    /// The name of a cache, which must be there.
    static var cacheName: Kind {
        let name = Kind<String>.className
        return Kind(
            schema: name.schema,
            read: { node, reading in
                guard let name = name.read(node, reading) else { return nil }
                reading.refer(to: .cache, name, at: node.position)
                return name
            }, write: name.write)
    }
}
