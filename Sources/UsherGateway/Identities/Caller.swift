import UsherCore
import UsherQuotas

/// Who makes a request, as far as it was shown.
final class Caller: Sendable {
    /// Printable ASCII; empty for nobody that we know.
    let name: [UInt8]
    let callerClass: CallerClass
    /// `[a-zA-Z0-9_-]`: heads and logs write it as it is.
    let className: [UInt8]
    /// Keeps callers of different classes apart in stores, whatever number their class has.
    let classSpace: UInt64
    /// Of its token, by name; nested ones as `realm.plan`.
    let claims: [String: String]

    private init(_ name: [UInt8], _ label: CallerClasses.Label, claims: [String: String] = [:]) {
        self.name = name
        self.callerClass = label.callerClass
        self.className = label.name
        self.classSpace = label.space
        self.claims = claims
    }

    convenience init(
        name: String, _ callerClass: CallerClass, of classes: CallerClasses, claims: [String: String] = [:]
    ) {
        self.init(Array(name.utf8), classes.label(of: callerClass), claims: claims)
    }

    /// By the subject of its certificate.
    convenience init(certificate subject: [UInt8]) {
        self.init(subject, CallerClasses.builtIn.label(of: .authenticated))
    }

    static let anonymous = Caller([], CallerClasses.builtIn.label(of: .anonymous))

    /// About the bytes that its claims take.
    var claimsMemory: Int {
        // Two strings lie in the table itself, which is at least half empty after it grew.
        self.claims.reduce(0) { $0 + 64 + $1.key.utf8.count + $1.value.utf8.count }
    }

    var isAnonymous: Bool { self.callerClass == .anonymous }
}

/// The classes of callers, by their numbers.
struct CallerClasses: Sendable {
    /// What is made of a class once, and copied into its callers.
    struct Label: Sendable {
        let callerClass: CallerClass
        let name: [UInt8]
        let space: UInt64

        init(_ callerClass: CallerClass, _ name: String) {
            self.callerClass = callerClass
            let bytes = Array(name.utf8)
            var hash = SipHash(key: (0, 0))
            hash.append(bytes.span)
            self.name = bytes
            self.space = hash.finish()
        }
    }

    let names: [String]
    private let labels: [Label]

    init(_ names: [String]) {
        self.names = names
        self.labels = names.enumerated().map { Label(CallerClass(index: $0), $1) }
    }

    static let builtIn = CallerClasses(CallerClass.builtInNames)

    /// What is no class, or `anonymous`, is `authenticated`: somebody known is never less.
    func known(_ name: String) -> CallerClass {
        self.names.firstIndex(of: name).map { $0 == 0 ? .authenticated : CallerClass(index: $0) } ?? .authenticated
    }

    /// Those that a route asks for; nil: everybody. `authenticated` stands for all but `anonymous`.
    func allowed(by names: [String]) -> Set<CallerClass>? {
        if names.isEmpty || names.contains(CallerClass.anonymousName) { return nil }
        let all = self.names.indices.map { CallerClass(index: $0) }
        if names.contains(CallerClass.authenticatedName) { return Set(all.dropFirst()) }
        return Set(all.filter { names.contains(self.names[$0.index]) })
    }

    func label(of callerClass: CallerClass) -> Label {
        self.labels.indices.contains(callerClass.index)
            ? self.labels[callerClass.index] : Label(.authenticated, CallerClass.authenticatedName)
    }

    subscript(callerClass: CallerClass) -> String {
        self.names.indices.contains(callerClass.index)
            ? self.names[callerClass.index] : CallerClass.authenticatedName
    }
}
