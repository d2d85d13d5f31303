// SPDX-License-Identifier: Apache-2.0

/// How much room a message is received with for its control data, as a list of what is expected.
///
/// ```swift
/// let message = try socket.receiveMessage(into: &buffer, control: [.descriptors(upTo: 4), .credentials])
/// ```
///
/// Control data that finds no room is lost, and ``MessageFlags/controlTruncated`` tells so.
public struct ControlSpace: Hashable, Sendable {
    /// The room in bytes (`CMSG_SPACE` of everything expected).
    public private(set) var byteCount: Int
    /// How many descriptors are accepted. The room may fit more, because of its alignment; those are closed.
    public private(set) var descriptorLimit: Int

    private init(payload: Int, descriptorLimit: Int = 0) {
        byteCount = ControlCoding.space(payload: payload)
        self.descriptorLimit = descriptorLimit
    }

    /// Room for at most so many descriptors; a negative number is none. The kernel sends at most 253 at once.
    public static func descriptors(upTo limit: Int) -> ControlSpace {
        let limit = min(max(limit, 0), 253)
        return limit == 0 ? [] : ControlSpace(payload: 4 * limit, descriptorLimit: limit)
    }

    /// Room for ``ControlMessage/credentials(_:)``.
    public static let credentials = ControlSpace(payload: ControlCoding.credentialsSize)
    /// Room for ``ControlMessage/ipv4PacketInfo(_:)`` or ``ControlMessage/ipv6PacketInfo(_:)``.
    public static let packetInfo = ControlSpace(payload: ControlCoding.ipv6PacketInfoSize)
    /// Room for ``ControlMessage/timestamp(_:)``.
    public static let timestamp = ControlSpace(payload: ControlCoding.timestampSize)
    /// Room for one number: a time to live, hop limit, type of service, traffic class or segment size.
    public static let number = ControlSpace(payload: 4)

    /// Room for other control data of so many bytes; a negative number is none.
    public static func bytes(_ count: Int) -> ControlSpace {
        ControlSpace(payload: min(max(count, 0), 1 << 20))
    }
}

extension ControlSpace: ExpressibleByArrayLiteral {
    /// Room for everything in the list at once.
    public init(arrayLiteral elements: ControlSpace...) {
        byteCount = elements.reduce(0) { $0 + $1.byteCount }
        descriptorLimit = elements.reduce(0) { $0 + $1.descriptorLimit }
    }
}
