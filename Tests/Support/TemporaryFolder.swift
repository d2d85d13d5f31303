// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// An empty folder with a path short enough for sockets in it, removed with what is in it when the value goes.
public struct TemporaryFolder: ~Copyable {
    /// The folder's path.
    public let path: String

    /// Makes a folder; its path is empty if that failed.
    public init() {
        // A Unix socket's path has room for 107 bytes.
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
        let usable = parent.hasPrefix("/") && parent.utf8.count <= 60 ? parent : "/tmp"
        var template = Array("\(usable)/talkback-XXXXXX".utf8CString)
        // SAFETY: mkdtemp changes the bytes of the template in place.
        path = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, let name = unsafe mkdtemp(start) else { return "" }
            return unsafe String(cString: name)
        }
    }

    deinit {
        if let folder = unsafe opendir(path) {
            while let entry = unsafe readdir(folder) {
                // SAFETY: d_name is a C string within the entry, which lives until the next readdir.
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                    unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                }
                if name != "." && name != ".." { unsafe unlink("\(path)/\(name)") }
            }
            unsafe closedir(folder)
        }
        unsafe rmdir(path)
    }

    /// The path of a file in the folder.
    public func file(_ name: String) -> String { "\(path)/\(name)" }
}
