// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// beanstalkd's own flags, so that what starts beanstalkd can start this.
///
/// They are translated before the arguments are parsed: they may be clustered (`-VF`), with a value attached
/// (`-p11300`) or behind them. With any of them the program is what beanstalkd is: in memory unless `-b` says
/// otherwise, for jobs of up to 65,535 bytes, on all addresses unless `-l` says otherwise.
struct BeanstalkdArguments {
    private var address: String?
    private var port: String?
    private var folder: String?
    private var sync: String?
    private var maximumJobSize = "65535"
    private var user: String?
    private var verbosity = 0
    private var others: [String] = []

    /// Whether any flag was beanstalkd's.
    private var isBeanstalkd: Bool

    /// What the parser of arguments is to be given.
    ///
    /// - Parameter arguments: All of the program's, its name first.
    static func translated(_ arguments: [String]) throws -> [String] {
        let name = (arguments.first ?? "").split(separator: "/").last
        if name == "beanstalkd" {
            return try BeanstalkdArguments(arguments.dropFirst(), isBeanstalkd: true).translation
        }
        guard arguments.dropFirst().first == "serve" else { return Array(arguments.dropFirst()) }
        return try BeanstalkdArguments(arguments.dropFirst(2), isBeanstalkd: false).translation
    }

    private init(_ arguments: ArraySlice<String>, isBeanstalkd: Bool) throws {
        self.isBeanstalkd = isBeanstalkd
        var rest = arguments
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), !argument.hasPrefix("--"), argument != "-" else {
                others.append(argument)
                // The value of one of this program's own options is not a flag, whatever it looks like.
                let takesValue = argument.hasPrefix("--") && !argument.contains("=") && !Self.flags.contains(argument)
                if takesValue, let value = rest.popFirst() { others.append(value) }
                continue
            }
            try take(argument.dropFirst(), &rest)
        }
    }

    /// This program's own options that have no value.
    private static let flags: Set<String> = ["--memory", "--help", "--version", "--"]

    private mutating func take(_ cluster: Substring, _ rest: inout ArraySlice<String>) throws {
        var cluster = cluster
        while let flag = cluster.popFirst() {
            if flag == "h" {
                others.append("--help")
                continue
            }
            isBeanstalkd = true
            guard "blfpszu".contains(flag) else {
                try take(flag)
                continue
            }
            guard let value = cluster.isEmpty ? rest.popFirst() : String(cluster) else {
                throw ValidationError("-\(flag) needs a value.")
            }
            take(flag, value)
            return
        }
    }

    private mutating func take(_ flag: Character) throws {
        switch flag {
        case "F": sync = "never"
        case "V": verbosity += 1
        case "v": others.append("--version")
        case "c", "n": Self.warn("-\(flag) is ignored: there is no log of beanstalkd's to compact.")
        default: throw ValidationError("There is no flag -\(flag).")
        }
    }

    private mutating func take(_ flag: Character, _ value: String) {
        switch flag {
        case "b": folder = value
        case "l": address = value
        case "p": port = value
        case "f": sync = value == "0" ? "always" : value
        case "z": maximumJobSize = value
        case "u": user = value
        default: Self.warn("-\(flag) is ignored: there is no log of beanstalkd's, whose files could have a size.")
        }
    }

    private var translation: [String] {
        guard isBeanstalkd else { return ["serve"] + others }
        var translation = ["serve"]
        if !others.contains(where: { $0 == "--listen" || $0.hasPrefix("--listen=") }) {
            translation += ["--listen", listenAddress]
        }
        if let folder {
            translation += ["--data", folder]
        } else if !others.contains(where: { $0 == "--data" || $0.hasPrefix("--data=") || $0 == "--memory" }) {
            translation.append("--memory")
        }
        if !others.contains(where: { $0 == "--max-job-size" || $0.hasPrefix("--max-job-size=") }) {
            translation += ["--max-job-size", clampedJobSize]
        }
        if let sync, !others.contains("--sync") { translation += ["--sync", sync] }
        if let user { translation += ["--user", user] }
        if verbosity > 0 { translation += ["--log-level", verbosity > 1 ? "trace" : "debug"] }
        return translation + others
    }

    private var listenAddress: String {
        let port = port ?? "11300"
        guard let address else { return "*:\(port)" }
        if address.hasPrefix("unix:") { return address }
        return address.contains(":") && !address.hasPrefix("[") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    /// beanstalkd takes larger sizes, and makes them the largest.
    private var clampedJobSize: String {
        guard let size = UInt64(maximumJobSize), size > 1 << 30 else { return maximumJobSize }
        Self.warn("-z is at most 1073741824.")
        return "1073741824"
    }

    private static func warn(_ text: String) {
        StandardStreams.show("warning: \(text)\n")
    }
}
