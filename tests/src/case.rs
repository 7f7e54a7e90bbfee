//! A case: a table, an ALTER, what the application does meanwhile, and how it must end. Read from an SQL file.

mod parse;
mod statements;
mod write;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// One statement, and the line of the case file on which it begins.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The statement, without its delimiter.
    pub sql: String,
    /// From 1; 0 for one that stands in no file.
    pub line: usize,
}

/// Where a statement stands does not make it another one.
impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.sql == other.sql
    }
}

/// A part of a migration's life in which the application does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before the migration is submitted.
    Before,
    /// While rows are copied.
    Copying,
    /// The copy is over; changes are followed.
    Following,
    /// The migration waits for being completed.
    Ready,
    /// After the swap.
    After,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Self; 5] = [Self::Before, Self::Copying, Self::Following, Self::Ready, Self::After];

    /// The word for it in case files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Copying => "copying",
            Self::Following => "following",
            Self::Ready => "ready",
            Self::After => "after",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a case must end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Expect {
    /// With what MySQL's own ALTER makes of the table.
    #[default]
    Same,
    /// Refused before anything is changed, with this text in the message.
    Refused(String),
    /// Failed with this text in the message, as MySQL's own ALTER fails.
    Fails(String),
    /// Failed with this text in the message, although MySQL's own ALTER would pass.
    Stops(String),
}

/// What a case file says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Case {
    /// The folder it stands in.
    pub group: String,
    /// The file's name without its ending.
    pub name: String,
    /// What is altered, in words.
    pub description: String,
    /// Makes the tables and fills them.
    pub create: Vec<Statement>,
    /// The ALTER statement, for a table of the current schema.
    pub alter: String,
    /// One round of what the application does again and again; `@round` counts.
    pub round: Vec<Statement>,
    /// What it does once, at the beginning of a stage; in the order of [`Stage::ALL`].
    pub once: [Vec<Statement>; 5],
    /// Errors that its statements may get.
    pub errors: Vec<u16>,
    /// Run at the beginning of each of its sessions.
    pub session: Vec<String>,
    /// Server variables, and their values as SQL.
    pub globals: Vec<(String, String)>,
    /// The table's name, if it is not `t`.
    pub table: Option<String>,
    /// Arguments of `outlast run` in place of the usual ones.
    pub options: Option<Vec<String>>,
    /// Is played in two time zones.
    pub time: bool,
    /// Must take the instant path.
    pub instant: bool,
    /// How it must end.
    pub expect: Expect,
    /// Stages in which the program is killed and started again.
    pub restarts: Vec<Stage>,
    /// What is known of other programs.
    pub peers: Option<String>,
}

impl Case {
    /// Reads one case.
    ///
    /// # Errors
    ///
    /// With file and line, when it can't be read or breaks the format.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let mut case = Self::parse(&text).map_err(|error| error.context(format!("in {}", path.display())))?;
        case.group = part(path.parent().and_then(Path::file_name));
        case.name = part(path.file_stem());
        Ok(case)
    }

    /// `group/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// The name of the table that is altered.
    #[must_use]
    pub fn table(&self) -> &str {
        self.table.as_deref().unwrap_or("t")
    }

    /// What is done once, at the beginning of a stage.
    #[must_use]
    pub fn once(&self, stage: Stage) -> &[Statement] {
        &self.once[stage as usize]
    }
}

/// The case files below a folder, as `FOLDER/GROUP/NAME.sql`, in order.
///
/// # Errors
///
/// When a folder can't be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = |folder: &Path| -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
        entries.map(|entry| Ok(entry?.path())).collect()
    };
    let mut files = Vec::new();
    for group in entries(folder)?.iter().filter(|path| path.is_dir()) {
        files.extend(
            entries(group)?
                .into_iter()
                .filter(|path| path.extension().is_some_and(|e| e == "sql")),
        );
    }
    files.sort();
    Ok(files)
}

/// Where the cases of this package are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("alters/cases")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_of_this_package_can_be_read_and_is_the_same_when_it_was_written() -> Result<()> {
        for path in files(&folder())? {
            let case = Case::read(&path)?;
            let mut again = Case::parse(&case.to_string()).with_context(|| format!("{} as\n{case}", path.display()))?;
            (again.group, again.name) = (case.group.clone(), case.name.clone());
            assert_eq!(again, case, "{}", path.display());
        }
        Ok(())
    }
}
