import Testing
import UsherQuotas

@Suite("Pressure", .timeLimit(.minutes(1)))
struct PressureMachineTests {
    @Test("new connections go first, then anonymous callers, and levels do not flicker")
    func levels() {
        var machine = PressureMachine()
        let steps: [(UInt64, PressureLevel?)] = [
            (50, nil), (89, nil), (90, .newConnections), (88, nil), (99, nil), (100, .anonymous), (97, nil),
            (94, .newConnections), (86, nil), (84, PressureLevel.none), (150, .anonymous), (10, PressureLevel.none),
        ]
        for (used, expected) in steps {
            let level = machine.measured(used: used, limit: 100)
            #expect(level == expected, "at \(used)")
        }
        let unlimited = machine.measured(used: 1000, limit: 0)
        #expect(unlimited == nil)
    }
}
