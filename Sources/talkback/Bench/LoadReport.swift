// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a load has measured.
struct LoadReport: Encodable {
    /// In microseconds.
    struct Latency: Encodable {
        let p50, p90, p99, p999, max: Double

        init(_ histogram: Histogram) {
            func microseconds(_ time: Int64) -> Double { Double(time) / 1000 }
            p50 = microseconds(histogram.percentile(500))
            p90 = microseconds(histogram.percentile(900))
            p99 = microseconds(histogram.percentile(990))
            p999 = microseconds(histogram.percentile(999))
            max = microseconds(histogram.maximum)
        }

        fileprivate var columns: [String] {
            [p50, p90, p99, p999, max].map { String(format: $0 < 100 ? "%.1f" : "%.0f", $0) }
        }
    }

    let address: String
    let version: String
    let connections: Int
    let size: Int
    /// What was measured, without what was not.
    let seconds: Double
    private(set) var pipeline: Int?
    private(set) var cycles: Int?
    private(set) var cyclesPerSecond: Double?
    private(set) var puts: Int?
    private(set) var putsPerSecond: Double?
    /// For each command, or for all puts of one go.
    let latency: [String: Latency]

    init(_ load: Load, address: String, version: String) {
        self.address = address
        self.version = version
        connections = load.connectionCount
        size = load.job.body.count
        switch load {
        case let load as CycleLoad:
            seconds = Double(load.elapsed) / 1e9
            cycles = load.cycles
            cyclesPerSecond = Self.rate(load.cycles, seconds)
            latency = [
                "put": Latency(load.latencies[0]), "reserve": Latency(load.latencies[1]),
                "delete": Latency(load.latencies[2]),
            ]
        case let load as PipelineLoad:
            seconds = Double(load.elapsed) / 1e9
            pipeline = load.putsInOneGo
            puts = load.puts
            putsPerSecond = Self.rate(load.puts, seconds)
            latency = ["all puts of a go": Latency(load.latencies)]
        default: preconditionFailure("there is no other load")
        }
    }

    private static func rate(_ count: Int, _ seconds: Double) -> Double {
        seconds > 0 ? (Double(count) / seconds * 10).rounded() / 10 : 0
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var text: String {
        let plural = connections == 1 ? "" : "s"
        var lines = [
            "\(address), version \(version): \(connections) connection\(plural), \(size) bytes, "
                + String(format: "%.1f s", seconds)
        ]
        if let cyclesPerSecond {
            lines.append(String(format: "%.0f cycles/s, of a put, a reserve and a delete each", cyclesPerSecond))
        }
        if let putsPerSecond, let pipeline {
            lines.append(String(format: "%.0f puts/s, \(pipeline) in one go", putsPerSecond))
        }
        let names = ["put", "reserve", "delete", "all puts of a go"].filter { latency[$0] != nil }
        lines.append("")
        lines.append(Self.line("microseconds", ["p50", "p90", "p99", "p99.9", "max"]))
        for name in names { lines.append(Self.line(name, latency[name]?.columns ?? [])) }
        return lines.joined(separator: "\n")
    }

    private static func line(_ name: String, _ columns: [String]) -> String {
        columns.reduce(name.padded(to: 16)) { $0 + $1.paddedAtStart(to: 10) }
    }
}

extension String {
    /// With spaces behind it, if it is shorter.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
    /// With spaces before it, if it is shorter.
    func paddedAtStart(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
