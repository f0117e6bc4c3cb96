extension [UInt8] {
    /// Appends bytes that lie elsewhere, in one go.
    package mutating func append(_ bytes: Span<UInt8>) {
        // The pointer is good while the closure runs, which is all that the copy takes.
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
