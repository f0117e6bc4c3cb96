internal import Glibc
package import UsherCore

/// Numbers of which the k-th is 1/k to the power of an exponent as likely as the first.
///
/// Rejection-inversion (Hörmann and Derflinger 1996): the steps of the distribution lie under a smooth curve whose
/// area is known, a point under the curve is taken at random, and taken anew where it is above the step. Between one
/// and two points for each number, however many numbers there are.
package struct ZipfSampler: Sendable {
    private let exponent: Double
    private let count: Double
    /// The area under the curve up to the middle of the first step, less the first step itself.
    private let lowest: Double
    private let highest: Double
    /// How far left of its step a point may lie and still be surely below it.
    private let sure: Double

    /// - Parameters:
    ///   - count: how many numbers there are. Range: 1 and above.
    ///   - exponent: 0 makes all alike, 1 is Zipf's own law. Range: 0...10.
    package init(count: Int, exponent: Double) {
        self.count = Double(max(1, count))
        self.exponent = min(max(0, exponent), 10)
        lowest = Self.area(1.5, self.exponent) - 1
        highest = Self.area(self.count + 0.5, self.exponent)
        sure = 2 - Self.place(Self.area(2.5, self.exponent) - Self.height(2, self.exponent), self.exponent)
    }

    /// A number in `0..<count`; 0 is the likeliest.
    package func next(_ random: inout SeededRandom) -> Int {
        while true {
            let area = highest + Self.fraction(&random) * (lowest - highest)
            let place = Self.place(area, exponent)
            let step = min(max(1, place.rounded()), count)
            let isBelow = area >= Self.area(step + 0.5, exponent) - Self.height(step, exponent)
            if step - place <= sure || isBelow { return Int(step) - 1 }
        }
    }

    /// Evenly in 0..<1, from 53 bits.
    private static func fraction(_ random: inout SeededRandom) -> Double {
        Double(random.next() >> 11) * 0x1p-53
    }

    private static func height(_ place: Double, _ exponent: Double) -> Double {
        exp(-exponent * log(place))
    }

    /// The integral of `height`, written so that it also holds where the exponent is (nearly) 1.
    private static func area(_ place: Double, _ exponent: Double) -> Double {
        let logarithm = log(place)
        let scaled = (1 - exponent) * logarithm
        return (abs(scaled) > 1e-8 ? expm1(scaled) / scaled : 1 + scaled / 2) * logarithm
    }

    /// The inverse of `area`.
    private static func place(_ area: Double, _ exponent: Double) -> Double {
        // Rounding may leave a hair less than -1, of which there is no logarithm.
        let scaled = max(-1, area * (1 - exponent))
        return exp((abs(scaled) > 1e-8 ? log1p(scaled) / scaled : 1 - scaled / 2) * area)
    }
}
