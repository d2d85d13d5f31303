// SPDX-License-Identifier: Apache-2.0

import Foundation
import TalkbackClient

/// What a server has said of itself and of all its tubes at a time.
struct ServerLook: Sendable {
    /// What a server says of a tube.
    struct TubeLook: Hashable, Sendable {
        var name: String
        var ready = 0
        var delayed = 0
        var reserved = 0
        var buried = 0
        var waiting = 0
        /// Seconds; zero unless it is paused.
        var pauseLeft = 0
        /// Jobs that were put since the tube is there.
        var puts = 0
        /// Jobs that were deleted since then.
        var deletes = 0
    }

    var time: ContinuousClock.Instant
    var date: Date
    /// Tells a server from the one that comes after it at the same address.
    var instance: String
    var version: String
    /// Seconds.
    var uptime: Int
    var connections: Int
    var isDraining: Bool
    var tubes: [TubeLook]
}

extension Client {
    /// How many tubes are asked for at a time.
    private static var tubesAtATime: Int { 100 }

    /// Looks at the server and at each of its tubes.
    func look() async throws(ClientError) -> ServerLook {
        let time = ContinuousClock.now
        let date = Date()
        let server = try await statistics()
        let names = try await tubes()
        var looks: [ServerLook.TubeLook] = []
        var position = 0
        while position < names.count {
            let some = names[position..<min(position + Self.tubesAtATime, names.count)]
            looks += try await self.looks(at: some)
            position += some.count
        }
        return ServerLook(
            time: time, date: date, instance: server.text("id") ?? server.text("pid") ?? "",
            version: server.text("version") ?? "unknown", uptime: Int(clamping: server.number("uptime") ?? 0),
            connections: Int(clamping: server.number("current-connections") ?? 0),
            isDraining: server.text("draining") == "true", tubes: looks.sorted { $0.name < $1.name })
    }

    private nonisolated func looks(at tubes: ArraySlice<Tube>) async throws(ClientError) -> [ServerLook.TubeLook] {
        let results = await withTaskGroup(of: Result<ServerLook.TubeLook?, ClientError>.self) { group in
            for tube in tubes {
                group.addTask {
                    do throws(ClientError) {
                        return .success(ServerLook.TubeLook(try await self.statistics(of: tube)))
                    } catch {
                        // It has gone since the list was made.
                        return error.reason == .notFound ? .success(nil) : .failure(error)
                    }
                }
            }
            var results: [Result<ServerLook.TubeLook?, ClientError>] = []
            for await result in group { results.append(result) }
            return results
        }
        var looks: [ServerLook.TubeLook] = []
        for result in results {
            if let look = try result.get() { looks.append(look) }
        }
        return looks
    }
}

extension ServerLook.TubeLook {
    fileprivate init(_ tube: TubeStatistics) {
        self.init(
            name: "\(tube.tube)", ready: tube.ready, delayed: tube.delayed, reserved: tube.reserved,
            buried: tube.buried, waiting: tube.waiting, pauseLeft: Int(tube.pauseLeft.components.seconds),
            puts: tube.total, deletes: tube.deleted)
    }
}
