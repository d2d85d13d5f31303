// SPDX-License-Identifier: Apache-2.0

/// One connection as the queue knows it.
public struct ClientID: Hashable, Sendable {
    /// The place in the queue's list of clients.
    let index: Int32
    /// How many clients have had this place before.
    let generation: UInt32
}

/// The clients, each at a place of its own, so that none is searched.
struct ClientTable {
    private var places: [(client: Client?, generation: UInt32)] = []
    private var free: [Int32] = []

    var count: Int { places.count - free.count }

    subscript(id: ClientID) -> Client? {
        guard places.indices.contains(Int(id.index)), places[Int(id.index)].generation == id.generation else {
            return nil
        }
        return places[Int(id.index)].client
    }

    mutating func add(_ makeClient: (ClientID) -> Client) -> Client {
        if free.isEmpty {
            free.append(Int32(places.count))
            places.append((nil, 0))
        }
        let index = free.removeLast()
        let client = makeClient(ClientID(index: index, generation: places[Int(index)].generation))
        places[Int(index)].client = client
        return client
    }

    mutating func remove(_ id: ClientID) -> Client? {
        guard let client = self[id] else { return nil }
        places[Int(id.index)] = (nil, id.generation &+ 1)
        free.append(id.index)
        return client
    }

    func forEach(_ body: (Client) -> Void) {
        for place in places { place.client.map(body) }
    }
}

/// Its timer is the end of its wait, for a job or for one to end.
final class Client: Timed {
    var time = QueueTime(nanoseconds: 0)
    var timerIndex: Int32 = -1
    let id: ClientID
    var used: Tube
    /// The tubes that jobs are reserved from, in the order in which they are told.
    var watched: [Tube]
    /// The jobs that the client has reserved, by the end of their time to run.
    var reserved = SortedList<ByTime>()
    var isWaiting = false
    /// The number of the current wait, or the last one.
    var wait: UInt64 = 0
    /// When the current wait ends without a job, but for a deadline; `nil` for never.
    var waitEnd: QueueTime?
    /// The job whose end the client waits for, and its place among all those who do.
    var observed: UInt64?
    var observerIndex = 0
    /// Whether it wants to know of everything before the end too.
    var isFollower = false
    /// Jobs that were cancelled while they were the client's, and it does not know yet.
    var cancelled: [UInt64] = []
    var isProducer = false
    var isWorker = false

    init(_ id: ClientID, _ tube: Tube) {
        self.id = id
        used = tube
        watched = [tube]
    }

    /// When the time for one of the client's jobs ends within a second; `nil` if it has none whose time ends.
    var marginStart: QueueTime? {
        guard let end = reserved.first?.time, end < .never else { return nil }
        return QueueTime(nanoseconds: end.nanoseconds &- QueueTime.second)
    }
}
