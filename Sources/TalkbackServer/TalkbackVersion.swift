// SPDX-License-Identifier: Apache-2.0

/// This program's version.
public enum TalkbackVersion {
    /// The version's number.
    public static let current = "0.1"
}
