// SPDX-License-Identifier: Apache-2.0

/// What tells a running server from others.
struct ServerIdentity {
    let instance = InstanceID()
    private let start = ContinuousClock.now

    var uptime: Duration { ContinuousClock.now - start }
}

/// What `stats` tells a running server from others by: 16 hexadecimal digits, one of them a letter that no number
/// contains, lest a reader of YAML take them for one.
struct InstanceID {
    let text: String

    init() {
        var digits = (0..<15).map { _ in "0123456789abcdef".randomElement() ?? "0" }
        digits.insert("abcdf".randomElement() ?? "a", at: Int.random(in: 0...15))
        text = String(digits)
    }
}
