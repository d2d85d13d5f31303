// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// The tables of the store.
///
/// `job` has what a put says and is written once; `change` has what became different, for the jobs of which something has:
/// so a change writes a few dozen bytes and never the body. `tags` has what only some jobs were told, and `outcome` what is
/// remembered of those that are gone.
enum Schema {
    /// `Talk`: what marks the file as a store of this program's.
    static let applicationID: Int32 = 0x5461_6C6B

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: jobs") { database in
            // Times are nanoseconds since 1970, by the system's clock; 0 for none.
            try database.execute(
                sql: """
                    CREATE TABLE job (
                        id INTEGER PRIMARY KEY,
                        tube TEXT NOT NULL,
                        priority INTEGER NOT NULL,
                        delay INTEGER NOT NULL,
                        time_to_run INTEGER NOT NULL,
                        creation INTEGER NOT NULL,
                        due INTEGER NOT NULL,
                        body BLOB NOT NULL
                    );
                    CREATE TABLE change (
                        id INTEGER PRIMARY KEY,
                        state INTEGER NOT NULL,
                        priority INTEGER NOT NULL,
                        delay INTEGER NOT NULL,
                        due INTEGER NOT NULL,
                        burial INTEGER NOT NULL,
                        reserves INTEGER NOT NULL,
                        timeouts INTEGER NOT NULL,
                        releases INTEGER NOT NULL,
                        buries INTEGER NOT NULL,
                        kicks INTEGER NOT NULL
                    );
                    CREATE TABLE pause (
                        tube TEXT PRIMARY KEY,
                        seconds INTEGER NOT NULL,
                        until INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    -- No number before it is given to a job again.
                    CREATE TABLE next_id (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), id INTEGER NOT NULL);
                    INSERT INTO next_id VALUES (1, 1);
                    """)
        }
        migrator.registerMigration("2: outcomes") { database in
            try database.execute(
                sql: """
                    ALTER TABLE change ADD COLUMN former_reserves INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE change ADD COLUMN reason BLOB;
                    CREATE TABLE tags (
                        id INTEGER PRIMARY KEY,
                        key TEXT NOT NULL,
                        key_seconds INTEGER NOT NULL,
                        keep_seconds INTEGER NOT NULL,
                        attempts INTEGER NOT NULL,
                        backoff_first INTEGER,
                        backoff_most INTEGER,
                        is_leased_to_connection INTEGER NOT NULL
                    );
                    CREATE TABLE outcome (
                        -- In the order in which they came.
                        number INTEGER PRIMARY KEY,
                        id INTEGER NOT NULL UNIQUE,
                        tube TEXT NOT NULL,
                        key TEXT NOT NULL,
                        end TEXT NOT NULL,
                        attempt INTEGER NOT NULL,
                        attempts INTEGER NOT NULL,
                        time INTEGER NOT NULL,
                        kept_until INTEGER NOT NULL,
                        unique_until INTEGER NOT NULL,
                        data BLOB NOT NULL
                    );
                    """)
        }
        return migrator
    }
}

/// The statements that are run for each mutation.
struct Statements {
    let begin, commit, rollback: HotStatement
    let insertJob, deleteJob, replaceChange, deleteChange, setPause, deletePause, deleteOldPauses,
        setNextID: HotStatement
    let insertTags, deleteTags, insertOutcome, forgetData, deleteOutcome: HotStatement

    init(_ database: Database) throws {
        begin = try HotStatement(database, "BEGIN IMMEDIATE")
        commit = try HotStatement(database, "COMMIT")
        rollback = try HotStatement(database, "ROLLBACK")
        insertJob = try HotStatement(database, "INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        deleteJob = try HotStatement(database, "DELETE FROM job WHERE id = ?")
        replaceChange = try HotStatement(
            database, "INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        deleteChange = try HotStatement(database, "DELETE FROM change WHERE id = ?")
        setPause = try HotStatement(database, "INSERT OR REPLACE INTO pause VALUES (?, ?, ?)")
        deletePause = try HotStatement(database, "DELETE FROM pause WHERE tube = ?")
        deleteOldPauses = try HotStatement(database, "DELETE FROM pause WHERE until <= ?")
        setNextID = try HotStatement(database, "UPDATE next_id SET id = ?")
        insertTags = try HotStatement(database, "INSERT INTO tags VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        deleteTags = try HotStatement(database, "DELETE FROM tags WHERE id = ?")
        insertOutcome = try HotStatement(database, "INSERT INTO outcome VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        forgetData = try HotStatement(database, "UPDATE outcome SET data = x'' WHERE id = ?")
        deleteOutcome = try HotStatement(database, "DELETE FROM outcome WHERE id = ?")
    }
}
