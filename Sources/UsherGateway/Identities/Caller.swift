import UsherCore
import UsherQuotas
import UsherTelemetry

/// Who makes a request, as far as it was shown.
final class Caller: Sendable {
    /// Printable ASCII; empty for nobody that we know.
    let name: [UInt8]
    let callerClass: CallerClass
    let className: [UInt8]
    /// Keeps callers of different classes apart in stores, whatever number their class has.
    let classSpace: UInt64
    /// As the access log writes it.
    let classLogName: [UInt8]
    /// Of its token, by name; nested ones as `realm.plan`.
    let claims: [String: String]

    init(name: String, _ callerClass: CallerClass, of classes: CallerClasses, claims: [String: String] = [:]) {
        self.name = Array(name.utf8)
        self.callerClass = callerClass
        self.className = Array(classes[callerClass].utf8)
        self.classSpace = Self.space(self.className)
        self.classLogName = AccessEntry.name(classes[callerClass])
        self.claims = claims
    }

    /// By the subject of its certificate.
    init(certificate subject: [UInt8]) {
        self.name = subject
        self.callerClass = .authenticated
        self.className = Self.builtIn[1]
        self.classSpace = Self.space(Self.builtIn[1])
        self.classLogName = Self.builtIn[1]
        self.claims = [:]
    }

    private init() {
        self.name = []
        self.callerClass = .anonymous
        self.className = Self.builtIn[0]
        self.classSpace = Self.space(Self.builtIn[0])
        self.classLogName = Self.builtIn[0]
        self.claims = [:]
    }

    private static func space(_ className: [UInt8]) -> UInt64 {
        var hash = SipHash(key: (0, 0))
        hash.append(className.span)
        return hash.finish()
    }

    private static let builtIn = CallerClass.builtInNames.map { Array($0.utf8) }

    static let anonymous = Caller()

    var isAnonymous: Bool { self.callerClass == .anonymous }
}

/// The classes of callers, by their numbers.
struct CallerClasses: Sendable, Hashable {
    let names: [String]

    init(_ names: [String]) {
        self.names = names
    }

    /// What is no class, or `anonymous`, is `authenticated`: somebody known is never less.
    func known(_ name: String) -> CallerClass {
        self.names.firstIndex(of: name).map { $0 == 0 ? .authenticated : CallerClass(index: $0) } ?? .authenticated
    }

    /// Those that a route asks for; nil: everybody. `authenticated` stands for all but `anonymous`.
    func allowed(by names: [String]) -> Set<CallerClass>? {
        if names.isEmpty || names.contains("anonymous") { return nil }
        let all = self.names.indices.map { CallerClass(index: $0) }
        if names.contains("authenticated") { return Set(all.dropFirst()) }
        return Set(all.filter { names.contains(self.names[$0.index]) })
    }

    subscript(callerClass: CallerClass) -> String {
        self.names.indices.contains(callerClass.index) ? self.names[callerClass.index] : "authenticated"
    }
}
