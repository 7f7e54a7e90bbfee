//! The table that is migrated, and random changes of it.
//!
//! The columns of the testbed's own table are those that the load writes and remembers. They may be changed, not renamed; all
//! others may go.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom, seq::SliceRandom};

/// Adds the columns that only the application's side writes to the testbed's table.
pub(crate) const MORE_COLUMNS: &str = "\
    ADD COLUMN kind ENUM('small', 'large', 'huge') NOT NULL DEFAULT 'small', \
    ADD COLUMN doc JSON NULL, \
    ADD COLUMN at_time DATETIME(6) NULL, \
    ADD COLUMN raw VARBINARY(60) NULL, \
    ADD COLUMN ratio DOUBLE NULL, \
    ADD COLUMN code VARCHAR(20) CHARACTER SET latin1 NOT NULL DEFAULT '', \
    ADD KEY kinds (kind, id)";

/// Values of these columns, in rows filled before the migration. Some rows in the middle have a code longer than the others':
/// enough of them that the application doesn't delete them all.
pub(crate) fn fill_more(rows: u64) -> String {
    format!(
        "UPDATE test.customers SET updated_at = updated_at, kind = 1 + id % 3, \
         doc = JSON_OBJECT('id', id, 'tags', JSON_ARRAY(id % 7, 'ä')), \
         at_time = TIMESTAMPADD(MICROSECOND, id * 977, '2020-01-01 00:00:00'), raw = UNHEX(LEFT(SHA2(id, 256), 32)), ratio = id / 7, \
         code = IF(id BETWEEN {} AND {}, 'long code of one', CONCAT('c', id % 100))",
        rows / 2,
        rows / 2 + 19
    )
}

/// A change of the table.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The clauses of the ALTER.
    pub(crate) clauses: String,
    /// A few words, for one line.
    pub(crate) short: String,
    /// MySQL's own ALTER fails on the rows that are there, so the migration must, too.
    pub(crate) must_fail: bool,
}

/// What a clause is about; of two about one thing MySQL may reject the second.
type About = &'static str;

const CLAUSES: [(About, &str); 27] = [
    ("note", "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none'"),
    ("note", "ADD COLUMN note TEXT FIRST"),
    ("note", "ADD COLUMN note INT NOT NULL DEFAULT 7 AFTER writer"),
    (
        "sum",
        "ADD COLUMN sum_of DECIMAL(14,2) GENERATED ALWAYS AS (amount + writer) STORED",
    ),
    ("payload", "MODIFY payload VARCHAR(300)"),
    ("payload", "MODIFY payload TEXT CHARACTER SET utf8mb4"),
    ("payload", "MODIFY payload VARCHAR(255) COLLATE utf8mb4_bin"),
    ("amount", "MODIFY amount DECIMAL(16,4)"),
    ("amount", "MODIFY amount DOUBLE"),
    ("amount", "MODIFY amount DECIMAL(12,1)"),
    ("email", "MODIFY email VARCHAR(150) COLLATE utf8mb4_bin NOT NULL"),
    ("email", "MODIFY email VARCHAR(100) CHARACTER SET latin1 NOT NULL"),
    ("version", "MODIFY version BIGINT NOT NULL FIRST"),
    ("id", "MODIFY id BIGINT NOT NULL AUTO_INCREMENT"),
    (
        "key",
        "DROP PRIMARY KEY, ADD PRIMARY KEY (email), DROP KEY email, ADD UNIQUE KEY id (id)",
    ),
    ("key", "DROP PRIMARY KEY, ADD PRIMARY KEY (id, writer)"),
    ("kind", "MODIFY kind ENUM('huge', 'large', 'small') NOT NULL"),
    ("kind", "DROP COLUMN kind"),
    ("doc", "RENAME COLUMN doc TO document"),
    ("doc", "MODIFY doc LONGTEXT"),
    ("at_time", "MODIFY at_time DATETIME(3)"),
    ("at_time", "CHANGE at_time moment DATETIME(6) NULL AFTER id"),
    ("raw", "MODIFY raw BLOB, ADD KEY raws (raw(8))"),
    ("ratio", "MODIFY ratio DECIMAL(20,6), ADD INDEX (writer, version)"),
    (
        "code",
        "MODIFY code VARCHAR(40) CHARACTER SET utf8mb4 NOT NULL DEFAULT ''",
    ),
    ("table", "ROW_FORMAT = COMPRESSED"),
    ("table", "COMMENT = 'altered', FORCE"),
];

/// Changes that some of the rows don't take.
const UNFIT: [&str; 3] = [
    "MODIFY code VARCHAR(5) CHARACTER SET latin1 NOT NULL",
    "ADD UNIQUE KEY codes (code)",
    "ADD CONSTRAINT short_codes CHECK (CHAR_LENGTH(code) < 6)",
];

/// Changes that MySQL makes itself, without touching a row.
const INSTANT: [&str; 4] = [
    "ADD COLUMN note VARCHAR(40) NOT NULL DEFAULT 'none'",
    "DROP COLUMN ratio",
    "RENAME COLUMN doc TO document",
    "ALTER COLUMN code SET DEFAULT 'x'",
];

impl Change {
    /// One that needs a copy.
    pub(crate) fn copied(rng: &mut StdRng) -> Self {
        let mut wanted = rng.random_range(1..=3);
        let mut all = CLAUSES;
        all.shuffle(rng);
        let mut about: Vec<About> = Vec::new();
        let mut clauses = Vec::new();
        for (what, clause) in all {
            if wanted > 0 && !about.contains(&what) {
                about.push(what);
                clauses.push(clause);
                wanted -= 1;
            }
        }
        Self::of(clauses.join(", "), false)
    }

    /// One that some of the rows don't take.
    pub(crate) fn unfit(rng: &mut StdRng) -> Self {
        Self::of(UNFIT.choose(rng).copied().unwrap_or(UNFIT[0]).to_owned(), true)
    }

    /// One that MySQL can make itself.
    pub(crate) fn instant(rng: &mut StdRng) -> Self {
        Self::of(INSTANT.choose(rng).copied().unwrap_or(INSTANT[0]).to_owned(), false)
    }

    fn of(clauses: String, must_fail: bool) -> Self {
        const SHOWN: usize = 60;
        let mut short: String = clauses.chars().take(SHOWN).collect();
        if short.len() < clauses.len() {
            short.push('…');
        }
        Self {
            clauses,
            short,
            must_fail,
        }
    }
}
