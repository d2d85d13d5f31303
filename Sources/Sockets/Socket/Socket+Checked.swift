// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// The value of a system call, or its error number as a `SocketError` of the given operation.
@inline(__always)
func checked<Value>(
    _ operation: SocketError.Operation, _ result: Result<Value, Errno>, subject: SocketError.Subject? = nil
) throws(SocketError) -> Value {
    switch result {
    case .success(let value): return value
    case .failure(let errno): throw SocketError(operation, .system(errno), subject: subject)
    }
}

/// The value of a system call, `nil` if it would have had to wait, or its error number as a `SocketError`.
@inline(__always)
func checkedUnlessWouldBlock<Value>(
    _ operation: SocketError.Operation, _ result: Result<Value, Errno>, subject: SocketError.Subject? = nil
) throws(SocketError) -> Value? {
    switch result {
    case .success(let value): return value
    case .failure(.wouldBlock): return nil
    case .failure(let errno): throw SocketError(operation, .system(errno), subject: subject)
    }
}
