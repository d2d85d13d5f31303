// SPDX-License-Identifier: Apache-2.0

import Foundation
import Sockets
import TalkbackClient
import TestSupport
import Testing

@testable import talkback

/// `serve --user`, which only root can try.
@Suite(
    .blocking, .timeLimit(.minutes(5)),
    .enabled(if: getuid() == 0, "only root can become another user"))
final class RightsTests {
    private let account: Account
    private let folder = TemporaryFolder()

    init() throws {
        account = try Account(named: "nobody")
        // The folder is the user's, who is to find its way there.
        try #require(unsafe chown(folder.path, account.user, account.group) == 0)
    }

    private func threads(of server: Program) throws -> [String] {
        let folder = "/proc/\(server.processID)/task"
        return try FileManager.default.contentsOfDirectory(atPath: folder).map {
            try String(contentsOfFile: "\(folder)/\($0)/status", encoding: .utf8)
        }
    }

    @Test(arguments: [
        ["--listen", "127.0.0.1:0"], ["--listen", "localhost:0"], ["--listen", "*:0"], ["-l", "127.0.0.1", "-p", "0"],
    ])
    func everyThreadIsTheUsers(place: [String]) throws {
        let option = place[0] == "-l" ? "-u" : "--user"
        let server = try Program("talkback", ["serve", "--memory", option, "nobody"] + place)
        let address = try server.address()
        let port = try #require(address.port)
        #expect(try Socket.answer(from: .ipv4(.loopback, port: port), to: "use a\r\n") == "USING a\r\n")
        let threads = try threads(of: server)
        #expect(threads.count > 1)
        for thread in threads { #expect(ThreadRights(status: thread).difference(from: account) == nil) }
        #expect(server.end().status == 0)
    }

    @Test func socketsFileIsTheUsersAndIsRemovedOrReplaced() throws {
        let path = folder.file("s")
        let address = try SocketAddress(unixPath: path)
        let arguments = ["serve", "--memory", "--user", "nobody", "--listen", "unix:\(path)"]
        for signal in [SIGKILL, SIGTERM] {
            let server = try Program("talkback", arguments)
            #expect(try server.address() == address)
            #expect(try Socket.answer(from: address, to: "use a\r\n") == "USING a\r\n")
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.ownerAccountID] as? uid_t == account.user)
            _ = server.end(signal)
            #expect(FileManager.default.fileExists(atPath: path) == (signal == SIGKILL))
        }
        // One that root has left behind is replaced, too.
        _ = try Socket.listen(on: address)
        #expect(FileManager.default.fileExists(atPath: path))
        let server = try Program("talkback", arguments)
        #expect(try server.address() == address)
        #expect(server.end().status == 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func socketInAFolderOfRootsCanBeConnectedToByTheUser() async throws {
        try #require(unsafe chown(folder.path, 0, 0) == 0 && chmod(folder.path, 0o755) == 0)
        let path = folder.file("s")
        let server = try Program(
            "talkback", "serve", "--memory", "--user", "nobody", "--listen", "unix:\(path)", "--run", "a=id -u")
        let client = try await Client.connect(to: ServerAddress(try server.address()))
        let outcome = try await client.submit("x", to: "a").outcome
        #expect(outcome == .done(Array("\(account.user)\n".utf8)))
        await client.close()
        #expect(server.end().status == 0)
        // The folder is root's, so it stays, and the next server replaces it.
        let next = try Program("talkback", "serve", "--memory", "--user", "nobody", "--listen", "unix:\(path)")
        _ = try next.address()
        #expect(next.end().status == 0)
    }

    @Test func tasksAreTheUsersWithItsHome() async throws {
        let server = try Program(
            at: "/usr/bin/env",
            [
                "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", Program.path(of: "talkback"), "serve",
                "--memory",
                "--listen", "127.0.0.1:0", "--user", "nobody", "--run",
                "a=sh -c 'echo $HOME $USER $LOGNAME $SHELL; exec cat /proc/self/status'",
            ])
        let client = try await Client.connect(to: ServerAddress(try server.address()))
        guard case .done(let result) = try await client.submit("x", to: "a").outcome else {
            Issue.record("the task has failed")
            return
        }
        let text = String(decoding: result, as: UTF8.self)
        #expect(text.hasPrefix("\(account.home) nobody nobody /bin/sh\n"))
        #expect(ThreadRights(status: text).difference(from: account) == nil)
        await client.close()
        #expect(server.end().status == 0)
    }

    @Test func jobsAreInTheUsersFolder() throws {
        let server = try Program(
            "talkback", "serve", "--data", folder.file("jobs"), "--user", "nobody", "--listen", "127.0.0.1:0")
        #expect(try Socket.answer(from: try server.address(), to: "put 0 0 1 1\r\nx\r\n") == "INSERTED 1\r\n")
        #expect(server.end().status == 0)
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.file("jobs")) {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("jobs/\(file)"))
            #expect(attributes[.ownerAccountID] as? uid_t == account.user)
        }
        try FileManager.default.removeItem(atPath: folder.file("jobs"))
    }

    @Test(
        arguments: [
            ("Uid:\t1\t1\t1\t1\nGid:\t65534\t65534\t65534\t65534\n", "the user"),
            ("Uid:\t65534\t65534\t0\t65534\n", "the user"), ("", "the users unknown"),
            ("Uid:\t65534\t65534\t65534\t65534\nGid:\t0\t0\t0\t0\n", "the group"),
            (
                "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\nGroups:\t0 \n",
                "the supplementary groups"
            ),
            (
                "Uid:\t65534\t65534\t65534\t65534\nGid:\t65534\t65534\t65534\t65534\nGroups:\t65534 \n"
                    + "CapInh:\t0000000000000000\nCapPrm:\t0000000000000400\n", "capabilities, CapPrm"
            ),
        ])
    func otherRightsAreSeen(status: String, problem: String) throws {
        try #require(account.user == 65534 && account.group == 65534)
        #expect(ThreadRights(status: status).difference(from: account)?.hasPrefix(problem) == true)
    }
}
