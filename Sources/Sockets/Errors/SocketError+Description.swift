// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension SocketError: CustomStringConvertible {
    /// One line: the operation, its subject and the reason, such as
    /// `bind 127.0.0.1:80: Permission denied (EACCES)`.
    public var description: String {
        var text = operation.rawValue
        if let subject {
            text += " \(subject)"
        }
        text += ": \(reason)"
        if !attempts.isEmpty {
            text += ": " + attempts.map(\.description).joined(separator: "; ")
        }
        return text
    }
}

extension SocketError.Subject: CustomStringConvertible {
    /// The address, the quoted text or the option's C name.
    public var description: String {
        switch self {
        case .address(let address): address.description
        case .text(let text): "\"\(text)\""
        case .option(let name): name.description
        }
    }
}

extension SocketError.Reason: CustomStringConvertible {
    /// The reason in words, with the C name of an error number.
    public var description: String {
        switch self {
        case .system(let errno):
            if let name = System.errnoName(errno) { "\(errno) (\(name))" } else { "\(errno)" }
        case .nameResolution(let failure): failure.description
        case .invalid(let argument): argument.description
        case .allAttemptsFailed: "no address worked"
        case .closed: "the socket is closed"
        case .cancelled: "the task was cancelled"
        case .inUse: "another task is using it"
        case .endOfStream: "the stream ended too early"
        case .limitExceeded(let limit): "more than \(limit) bytes"
        }
    }
}

extension SocketError.InvalidArgument: CustomStringConvertible {
    /// What is wrong, and the limit where there is one.
    public var description: String {
        switch self {
        case .malformedAddress:
            "not an address (127.0.0.1:80, [::1]:80, unix:/run/x.sock or unix:@name)"
        case .portOutOfRange: "the port is outside 0 to 65535"
        case .emptyHost: "the host is empty"
        case .emptyPath: "the path is empty"
        case .pathTooLong(let byteCount):
            "the path is \(byteCount) bytes long, more than \(UnixAddress.maximumPathLength)"
        case .abstractNameTooLong(let byteCount):
            "the abstract name is \(byteCount) bytes long, more than \(UnixAddress.maximumLength)"
        case .zeroByte: "there is a zero byte in it"
        case .negative: "a negative value"
        case .outOfRange: "a value out of range"
        case .textTooLong(let limit): "longer than \(limit) bytes"
        case .tooManyBuffers: "more than \(IOVector.maximumCount) buffers"
        case .descriptorsWithoutData: "descriptors without a byte of data"
        case .noAddress: "no address is given"
        case .noFile: "the address has no file whose mode or owner could be set"
        case .notMulticast: "the address is not a multicast group's"
        case .wrongFamily(let family): "the family \(family) does not fit"
        }
    }
}
