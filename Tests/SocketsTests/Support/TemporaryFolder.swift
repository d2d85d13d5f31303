// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An empty folder with a short path, removed with what is in it when the value goes.
struct TemporaryFolder: ~Copyable {
    let path: String

    init() {
        var template = Array("/tmp/sockets-XXXXXX".utf8CString)
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

    func file(_ name: String) -> String { "\(path)/\(name)" }
}
