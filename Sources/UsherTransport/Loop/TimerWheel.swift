package import UsherCore

/// Something with a deadline that moves often and passes seldom: a connection.
///
/// Setting a deadline further away is one store; the wheel looks at every object at least once a second and
/// fires it when the deadline it finds has passed.
package class TimedObject {
    fileprivate final var slot = -1
    fileprivate final var position = 0
    fileprivate final var visit: UInt64 = .max

    /// When `timerFired` is due, in nanoseconds of the monotonic clock; `UInt64.max`: never.
    package final fileprivate(set) var deadline: UInt64 = .max

    package init() {}

    /// The deadline has passed; it is cleared before the call.
    package func timerFired(now: MonotonicTime) {}
}

/// Coarse timers of one event loop, which fire at most one tick late.
///
/// Confinement: one event loop. Never reads a clock.
package struct TimerWheel: ~Copyable {
    /// Precision of every time-out.
    package static let tick: UInt64 = 50_000_000

    private static let slots = 32
    /// An object is looked at no later than this many ticks from now, so deadlines further away can move for nothing.
    private static let horizon: UInt64 = 20

    private var objects: [[TimedObject]] = .init(repeating: [], count: TimerWheel.slots)
    private var now: UInt64 = 0
    /// How many objects are in the wheel; at zero nobody needs to call `advance`.
    package private(set) var count = 0

    package init() {}

    /// Sets or moves a deadline.
    ///
    /// - Parameter now: the current time, by which the next look at the object is placed.
    package mutating func schedule(_ object: TimedObject, at deadline: UInt64, now: UInt64) {
        object.deadline = deadline
        if object.slot >= 0 {
            if deadline >= object.visit { return }
            self.remove(object)
        }
        self.insert(object, now: now)
    }

    /// Forgets an object; its timer never fires.
    package mutating func cancel(_ object: TimedObject) {
        object.deadline = .max
        if object.slot >= 0 { self.remove(object) }
    }

    /// Takes out of the wheel what is due, for the caller to fire: objects may schedule and cancel each other then.
    ///
    package mutating func due(now: UInt64) -> [TimedObject] {
        var due: [TimedObject] = []
        let first = self.now / Self.tick
        let last = now / Self.tick
        self.now = now
        guard last > first else { return due }
        for tick in (last - first > UInt64(Self.slots) ? last - UInt64(Self.slots) : first + 1)...last {
            let slot = Int(tick % UInt64(Self.slots))
            let visited = self.objects[slot]
            if visited.isEmpty { continue }
            self.objects[slot].removeAll(keepingCapacity: true)
            self.count -= visited.count
            for object in visited {
                object.slot = -1
                object.visit = .max
                if object.deadline <= now {
                    object.deadline = .max
                    due.append(object)
                } else if object.deadline != .max {
                    self.insert(object, now: now)
                }
            }
        }
        return due
    }

    private mutating func insert(_ object: TimedObject, now: UInt64) {
        // At least one tick ahead: the current tick's slot has been visited already.
        let soonest = max(now, self.now) / Self.tick + 1
        let wanted = object.deadline / Self.tick + 1
        let tick = min(max(wanted, soonest), soonest + Self.horizon)
        let slot = Int(tick % UInt64(Self.slots))
        object.slot = slot
        object.position = self.objects[slot].count
        object.visit = tick * Self.tick
        self.objects[slot].append(object)
        self.count += 1
    }

    private mutating func remove(_ object: TimedObject) {
        let slot = object.slot
        let position = object.position
        let last = self.objects[slot].removeLast()
        if last !== object {
            self.objects[slot][position] = last
            last.position = position
        }
        object.slot = -1
        object.visit = .max
        self.count -= 1
    }
}
