//! Whether the account may do what a migration takes, before it finds out in the midst of it.

use outlast_core::{Error, ErrorKind, Result};
use outlast_mysql::{Session, quote};

/// A privilege by the name that SHOW GRANTS gives it, and what it is needed for.
type Needed = (&'static str, &'static str);

/// On everything.
const EVERYWHERE: [Needed; 4] = [
    ("PROCESS", "to see the foreign keys of other tables"),
    ("REPLICATION SLAVE", "to read the binlog and to find replicas"),
    (
        "REPLICATION CLIENT",
        "to see how the servers replicate and what they filter",
    ),
    ("XA_RECOVER_ADMIN", "to see prepared XA transactions"),
];
/// On the schema of the table.
const SOURCE: [Needed; 7] = [
    ("SELECT", "to copy its rows"),
    ("INSERT", "to put the new table in its place"),
    ("ALTER", "to change it, or to move it away at the swap"),
    ("CREATE", "to put the new table in its place"),
    ("DROP", "to move the old table away at the swap"),
    ("LOCK TABLES", "to keep writers out for the moment of the swap"),
    ("TRIGGER", "to see its triggers"),
];
/// On the schemas of tables that foreign keys refer to.
const PARENTS: [Needed; 3] = [
    ("SELECT", "to lock the tables that foreign keys refer to"),
    ("LOCK TABLES", "to lock the tables that foreign keys refer to"),
    ("REFERENCES", "to give the new table its foreign keys"),
];
/// On Outlast's own schemas.
const OWN: [Needed; 9] = [
    ("SELECT", "to read its state"),
    ("INSERT", "to copy rows and to record its state"),
    ("UPDATE", "to record its state"),
    ("DELETE", "to follow changes and to record its state"),
    ("ALTER", "to make the new table"),
    ("CREATE", "to make the new table"),
    ("DROP", "to put the new table in place, and to clean up"),
    ("LOCK TABLES", "to keep other owners out for the moment of the swap"),
    (
        "CREATE TEMPORARY TABLES",
        "to find the rows that have a duplicate value",
    ),
];
/// On Outlast's own schemas, if the table has foreign keys.
const OWN_PARENTS: [Needed; 1] = [("REFERENCES", "to try the table's foreign keys on empty tables")];
/// A schema of Outlast's own, for all of them.
const OWN_SCHEMA: &str = "_outlast_new_0";

/// What the session's account may do, by its grants and by those of its active roles.
pub(crate) struct Privileges {
    /// Lines of SHOW GRANTS.
    grants: Vec<String>,
    /// `user@host`.
    account: String,
    /// Whether `%` and `_` are no wildcards in the names of schemas.
    partial_revokes: bool,
}

impl Privileges {
    /// # Errors
    /// Those of the server.
    pub(crate) async fn read(session: &mut Session) -> Result<Self> {
        let (account, partial_revokes) = session.value("SELECT CURRENT_USER(), @@GLOBAL.partial_revokes").await?;
        Ok(Self {
            grants: session.rows("SHOW GRANTS").await?,
            account,
            partial_revokes,
        })
    }

    /// Expects all that a migration of a table in the schema takes.
    ///
    /// # Errors
    /// `AccessDenied` with the first privilege that is missing, and the statement that grants it.
    pub(crate) fn expect_for(&self, schema: &str) -> Result<()> {
        self.expect_everywhere()?;
        self.expect(schema, &SOURCE)?;
        self.expect(OWN_SCHEMA, &OWN)
    }

    /// Expects what any migration takes, wherever its table is.
    ///
    /// # Errors
    /// `AccessDenied` with the first privilege that is missing, and the statement that grants it.
    pub(crate) fn expect_for_any(&self) -> Result<()> {
        self.expect_everywhere()?;
        self.expect(OWN_SCHEMA, &OWN)
    }

    /// Expects what any migration takes on everything.
    ///
    /// # Errors
    /// `AccessDenied` with the first privilege that is missing, and the statement that grants it.
    pub(crate) fn expect_everywhere(&self) -> Result<()> {
        match EVERYWHERE
            .into_iter()
            .find(|(privilege, _)| !self.have(privilege, &|on| on == "*.*"))
        {
            None => Ok(()),
            Some(needed) => Err(self.missing(needed, "*.*")),
        }
    }

    /// Expects what locking, and referring to, tables of a schema takes.
    ///
    /// # Errors
    /// `AccessDenied` with the first privilege that is missing, and the statement that grants it.
    pub(crate) fn expect_for_parents(&self, schema: &str) -> Result<()> {
        self.expect(schema, &PARENTS)?;
        self.expect(OWN_SCHEMA, &OWN_PARENTS)
    }

    fn expect(&self, schema: &str, privileges: &[Needed]) -> Result<()> {
        match privileges
            .iter()
            .find(|(privilege, _)| !self.have_on(schema, privilege))
        {
            None => Ok(()),
            Some(needed) => Err(match (schema == OWN_SCHEMA, self.partial_revokes) {
                (true, true) => self.pattern_is_a_name(needed),
                (true, false) => self.missing(*needed, "`\\_outlast%`.*"),
                // A grant reads `_` and `%` as wildcards.
                (false, is_literal) => self.missing(*needed, &format!("{}.*", pattern_of(schema, is_literal))),
            }),
        }
    }

    fn have_on(&self, schema: &str, privilege: &str) -> bool {
        let on_schema = |on: &str| covers_schema(on, schema, self.partial_revokes);
        let revoked = self.grants.iter().any(|line| {
            let restriction = line.strip_prefix("REVOKE ").and_then(|r| split(r, " FROM "));
            restriction.is_some_and(|(revoked, _)| names(revoked, privilege, &on_schema))
        });
        self.have(privilege, &on_schema) || (!revoked && self.have(privilege, &|on| on == "*.*"))
    }

    fn have(&self, privilege: &str, covers: &dyn Fn(&str) -> bool) -> bool {
        self.grants.iter().any(|line| grants_it(line, privilege, covers))
    }

    fn missing(&self, (privilege, purpose): Needed, on: &str) -> Error {
        let account = self.shown();
        // Without any privilege, a schema that is there looks like one that is not.
        let check = match privilege == "SELECT" && !on.contains("_outlast%") {
            true => "check the schema's name, or ",
            false => "",
        };
        Error::new(
            ErrorKind::AccessDenied,
            format!(
                "user {account} lacks the privilege {privilege}, which is needed {purpose}: {check}run GRANT {privilege} ON {on} TO \
                 {account}"
            ),
        )
    }

    /// The error of an account that may not create a table without a primary key, where the server would add one.
    pub(crate) fn missing_to_leave_keys_out(&self) -> Error {
        let purpose = "to create a copy of a table that has no primary key, because the server has \
                       sql_generate_invisible_primary_key=ON and would give it one (SYSTEM_VARIABLES_ADMIN does, too)";
        self.missing(("SESSION_VARIABLES_ADMIN", purpose), "*.*")
    }

    fn pattern_is_a_name(&self, (privilege, purpose): &Needed) -> Error {
        let account = self.shown();
        Error::new(
            ErrorKind::AccessDenied,
            format!(
                "user {account} lacks the privilege {privilege} on the schemas that Outlast makes, which is needed {purpose}; the \
                 server has partial_revokes=ON, with which a pattern such as `\\_outlast%` is taken for a name: run GRANT {} ON *.* TO \
                 {account}, and revoke these on the schemas that are none of its business",
                OWN.map(|(privilege, _)| privilege).join(", ")
            ),
        )
    }

    fn shown(&self) -> String {
        let account = &self.account;
        account
            .rsplit_once('@')
            .map_or(account.clone(), |(name, host)| format!("'{name}'@'{host}'"))
    }
}

/// The schema as a grant names it.
fn pattern_of(schema: &str, is_literal: bool) -> String {
    match is_literal {
        true => quote::identifier(schema),
        false => quote::identifier(&schema.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")),
    }
}

/// Whether a line of SHOW GRANTS gives the privilege on something that `covers` accepts.
fn grants_it(grant: &str, privilege: &str, covers: &dyn Fn(&str) -> bool) -> bool {
    let granted = grant.strip_prefix("GRANT ").and_then(|g| split(g, " TO "));
    granted.is_some_and(|(what, _)| names(what, privilege, covers))
}

/// Whether `PRIVILEGE, … ON …` names the privilege, and something that `covers` accepts.
fn names(what: &str, privilege: &str, covers: &dyn Fn(&str) -> bool) -> bool {
    let Some((privileges, on)) = split(what, " ON ") else {
        return false;
    };
    // Dynamic privileges (with an underscore) stand in a line of their own and are not part of ALL.
    let all = privileges == "ALL PRIVILEGES" && !privilege.contains('_');
    (all || privileges.split(',').any(|p| p.trim() == privilege)) && covers(on)
}

/// Splits at the first `word` that is not part of a name in backquotes.
fn split<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let is_outside = |at: &usize| text[..*at].matches('`').count().is_multiple_of(2);
    let at = text.match_indices(word).map(|(at, _)| at).find(is_outside)?;
    Some((&text[..at], &text[at + word.len()..]))
}

/// Whether `` `pattern`.* `` of a grant covers the schema; `_` and `%` are wildcards unless escaped, or unless `is_literal`.
fn covers_schema(on: &str, schema: &str, is_literal: bool) -> bool {
    let Some(pattern) = on.strip_prefix('`').and_then(|p| p.strip_suffix("`.*")) else {
        return false;
    };
    let pattern = pattern.replace("``", "`");
    if is_literal {
        return pattern.replace("\\_", "_").replace("\\%", "%") == schema;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    like(&pattern, &schema.chars().collect::<Vec<_>>())
}

fn like(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|n| like(rest, &text[n..])),
        ['\\', c, rest @ ..] | [c, rest @ ..] => {
            let wild = *c == '_' && pattern[0] != '\\';
            matches!(text, [first, others @ ..] if (wild || first == c) && like(rest, others))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(grants: &[&str], partial_revokes: bool) -> Privileges {
        Privileges {
            grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            account: "u@%".to_owned(),
            partial_revokes,
        }
    }

    #[test]
    fn grants_are_read_as_the_server_writes_them() {
        let all = "GRANT SELECT, INSERT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `u`@`%` WITH GRANT OPTION";
        let everywhere = |on: &str| on == "*.*";
        assert!(grants_it(all, "REPLICATION SLAVE", &everywhere));
        assert!(!grants_it(all, "LOCK TABLES", &everywhere));
        let all = "GRANT ALL PRIVILEGES ON *.* TO `u`@`%`";
        assert!(!grants_it(all, "XA_RECOVER_ADMIN", &everywhere));
        assert!(grants_it(all, "SELECT", &everywhere));
        let odd = "GRANT SELECT ON `a TO b`` ON c`.* TO `u`@`%`";
        assert!(grants_it(odd, "SELECT", &|on| covers_schema(on, "a TO b` ON c", false)));
    }

    #[test]
    fn wildcards_of_schemas_are_honoured() {
        assert!(covers_schema("`\\_outlast%`.*", "_outlast_new_0", false));
        assert!(!covers_schema("`\\_outlast%`.*", "xoutlast", false));
        assert!(covers_schema("`_hop`.*", "shop", false));
        assert!(covers_schema("`shop`.*", "shop", false));
        assert!(!covers_schema("`shop`.`t`", "shop", false));
    }

    #[test]
    fn a_wildcard_is_a_letter_where_privileges_can_be_revoked_in_part() {
        assert!(!covers_schema("`\\_outlast%`.*", "_outlast_new_0", true));
        assert!(covers_schema("`my\\_shop`.*", "my_shop", true));
        assert!(covers_schema("`my_shop`.*", "my_shop", true));
        let grants = [
            "GRANT SELECT ON *.* TO `u`@`%`",
            "REVOKE SELECT ON `shop`.* FROM `u`@`%`",
        ];
        assert!(!account(&grants, true).have_on("shop", "SELECT"));
        assert!(account(&grants, true).have_on("other", "SELECT"));
        let error = account(&grants, true)
            .expect(OWN_SCHEMA, &OWN)
            .map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("partial_revokes=ON")));
    }
}
