// SPDX-License-Identifier: Apache-2.0

import BeanstalkProtocol

/// The job that a load puts again and again, and its tube.
struct LoadJob {
    let tube: TubeName
    let body: [UInt8]
    /// The command that puts it.
    let put: [UInt8]

    /// - Parameter size: The bytes of its body: letters that begin with some by chance, so that the job can be told
    ///   from others.
    init(in tube: TubeName, size: Int) {
        self.tube = tube
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        body = (0..<size).map { $0 < 16 ? UInt8.random(in: letters) : letters.lowerBound + UInt8($0 % 23) }
        var put: [UInt8] = []
        // No worker is so slow that a job would come back while it is measured.
        put.append(PutHeader(priority: 1024, delay: 0, timeToRun: 600, byteCount: size), body: body)
        self.put = put
    }
}
