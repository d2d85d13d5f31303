// SPDX-License-Identifier: Apache-2.0

internal import GRDB

/// The tables of the store.
///
/// `job` has what a put says and is written once; `change` has what became different, for the jobs of which something
/// has: so a change writes a few dozen bytes and never the body. `tags` has what only some jobs were told, and
/// `outcome` what is remembered of those that are gone.
enum Schema {
    /// `Talk`: what marks the file as a store of this program's.
    static let applicationID: Int32 = 0x5461_6C6B

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: jobs") { database in
            // Times are nanoseconds since about 1970: see StoreTime; 0 for none.
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
        migrator.registerMigration("3: log") { database in
            try database.execute(
                sql: """
                    CREATE TABLE state (
                        only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                        -- No number before it is given to a job again.
                        next_id INTEGER NOT NULL,
                        -- Whose log belongs to the tables; 0 for nobody's.
                        log_key INTEGER NOT NULL,
                        -- The number of the last group that the tables have.
                        group_number INTEGER NOT NULL
                    );
                    INSERT INTO state SELECT 1, id, 0, 0 FROM next_id;
                    DROP TABLE next_id;
                    """)
        }
        migrator.registerMigration("4: clock") { database in
            try database.execute(
                sql: """
                    -- Which boot the times are exact in; two zeros for none.
                    ALTER TABLE state ADD COLUMN boot_high INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE state ADD COLUMN boot_low INTEGER NOT NULL DEFAULT 0;
                    -- From that boot to the zero of the times.
                    ALTER TABLE state ADD COLUMN boot_offset INTEGER NOT NULL DEFAULT 0;
                    -- A time that is over: no delay that is in the tables began after it.
                    ALTER TABLE state ADD COLUMN last_time INTEGER NOT NULL DEFAULT 0;
                    UPDATE state SET last_time = max(
                        coalesce((SELECT max(creation) FROM job), 0),
                        coalesce((SELECT max(due - delay * 1000000000) FROM change WHERE state = 1), 0),
                        coalesce((SELECT max(time) FROM outcome), 0),
                        coalesce((SELECT max(until - seconds * 1000000000) FROM pause), 0));
                    """)
        }
        return migrator
    }
}
