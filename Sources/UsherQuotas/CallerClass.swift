/// What a caller is for quotas and routes: a number into the configured list of classes.
public struct CallerClass: Sendable, Hashable {
    public let index: Int

    public init(index: Int) {
        self.index = index
    }

    /// Nobody that we know.
    public static let anonymous = CallerClass(index: 0)
    /// Somebody that we know, of no named class.
    public static let authenticated = CallerClass(index: 1)

    public static let anonymousName = "anonymous"
    public static let authenticatedName = "authenticated"
    /// The two that are always there; configured ones follow.
    public static let builtInNames = [anonymousName, authenticatedName]
}
