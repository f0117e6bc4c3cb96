import Testing
import UsherReplication

@Suite struct TriedEndpointsTests {
    @Test("any number of endpoints is remembered, each once")
    func remembers() {
        var tried = TriedEndpoints()
        #expect(tried.isEmpty)
        for number in [7, 0, 7, 3, 900, 12, 12, 41] as [Int32] { tried.insert(EndpointID(number)) }
        #expect(tried.count == 6)
        #expect((0..<1_000).filter { tried.contains(EndpointID($0)) } == [0, 3, 7, 12, 41, 900])
    }

    @Test("an identity that no endpoint has is never tried", arguments: [-1, .min] as [Int32])
    func impossible(number: Int32) {
        var tried = TriedEndpoints()
        tried.insert(EndpointID(number))
        #expect(tried.isEmpty)
        #expect(!tried.contains(EndpointID(number)))
    }
}
