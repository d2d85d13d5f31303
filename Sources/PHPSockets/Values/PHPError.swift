// SPDX-License-Identifier: Apache-2.0

/// What PHP throws when a call is wrong in itself, whatever the system says: with PHP's class and PHP's words.
///
/// No system call was made, and neither slot of `socket_last_error` has changed.
public struct PHPError: Error, Hashable, Sendable {
    /// PHP's classes of errors.
    public enum Class: String, Hashable, Sendable {
        /// The socket is closed already.
        case error = "Error"
        /// An argument's value is out of its range.
        case valueError = "ValueError"
        /// An argument is of a type that the call does not take.
        case typeError = "TypeError"
        /// An argument is missing that the socket's family needs.
        case argumentCountError = "ArgumentCountError"
    }

    /// The class.
    public var errorClass: Class
    /// What PHP says.
    public var message: String

    /// An error with PHP's words.
    public init(_ errorClass: Class, _ message: String) {
        self.errorClass = errorClass
        self.message = message
    }

    /// An argument whose value is wrong.
    static func value(_ function: String, _ number: Int, _ name: String, _ problem: String) -> PHPError {
        PHPError(.valueError, "\(function)(): Argument #\(number) ($\(name)) \(problem)")
    }
}

extension PHPError: CustomStringConvertible {
    /// The class and the message.
    public var description: String { "\(errorClass.rawValue): \(message)" }
}
