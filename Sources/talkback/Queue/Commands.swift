// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

extension Talkback {
    /// The commands of a queue's clients.
    static let queueCommands: [any ParsableCommand.Type] = [
        Submit.self, Status.self, Cancel.self, ProgressCommand.self, Put.self, Take.self, Peek.self, Delete.self,
        Bury.self, Kick.self, Pause.self, Stats.self, Tubes.self,
        Drain.self,
        LoadCommand.self,
    ]
}
