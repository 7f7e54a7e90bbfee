//! What can go wrong, and what follows from it: the one classification of errors (invariant I10).

use std::fmt;

/// An error of any backend, already classified.
///
/// The message says what happened, what it means for the data and what to do. The cause is kept as source and not
/// repeated in the message.
#[derive(Debug, thiserror::Error)]
pub struct Error {
    kind: ErrorKind,
    code: Option<u16>,
    message: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Result with an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without a cause behind it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            message: message.into(),
            source: None,
        }
    }

    /// Adds the server's error number.
    #[must_use]
    pub fn with_code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Puts what was being done in front of the message.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// The same error as another kind, for the place that knows more than the server's number says.
    #[must_use]
    pub fn into_kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// As another kind, with what was being done in front, if it [is about the statement](ErrorKind::is_about_the_statement);
    /// else the same error.
    #[must_use]
    pub fn if_about_the_statement(self, kind: ErrorKind, doing: impl fmt::Display) -> Self {
        match self.kind.is_about_the_statement() {
            true => self.context(doing).into_kind(kind),
            false => self,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The server's error number, where a server reported it.
    pub fn code(&self) -> Option<u16> {
        self.code
    }

    /// The message, without the causes.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Kinds of errors. A kind says what happened; [`ErrorKind::response`] says what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The server or the connection to it is gone, or is shutting down.
    ServerGone,
    /// The server does not take writes: read-only, or no primary of its group.
    NotPrimary,
    /// Another owner raised the epoch, or the session reached another server than it should.
    Fenced,
    /// Deadlock, lock wait timeout, a killed statement: the transaction was rolled back and may be tried again.
    Passing,
    /// A transaction exceeded a size limit of the server.
    TooBig,
    /// A row's value can't become one of the new definition.
    DataRejected,
    /// Two rows have the same value of a unique key.
    Duplicate,
    /// Rows of the source are read by their key, and an event did not hold the whole key.
    KeyMissing,
    /// The source table was altered, truncated, renamed or dropped by somebody else.
    SourceChanged,
    /// Binlogs that the position needs are no longer on the server.
    BinlogPurged,
    /// State that the invariants exclude was found: a position ahead of the server, a row where none may be.
    Inconsistent,
    /// The migration can't be done as asked; found out before anything was changed.
    Refused,
    /// The server rejected the user's own statement.
    StatementRejected,
    /// No login, or a privilege is missing.
    AccessDenied,
    /// No such migration, or it is in a state that the request does not fit.
    BadRequest,
    /// Not yet: a condition that passes by itself does not hold (relay log being applied, split brain).
    NotYet,
    /// The retry policy gave up.
    GivenUp,
    /// None of the above.
    Unknown,
}

/// What follows from an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// Look for the primary, adopt again, reload. Never ends a migration.
    Rediscover,
    /// Somebody else is responsible now: stop without writing anything.
    Yield,
    /// Try again when the retry policy says so, however often.
    Retry,
    /// Try again when the retry policy says so; the policy's patience ends it.
    RetryBounded,
    /// Try again with fewer rows in a transaction.
    Shrink,
    /// The migration fails; source, shadow and checkpoint stay as they are.
    Fail,
}

impl ErrorKind {
    /// Whether a statement failed for what it says, or for the rows it met: the same on another server, and a moment later.
    /// Else it is about the server, the account or the moment.
    #[must_use]
    pub fn is_about_the_statement(self) -> bool {
        match self {
            Self::ServerGone | Self::NotPrimary | Self::Fenced | Self::Passing | Self::AccessDenied | Self::NotYet => {
                false
            }
            Self::TooBig
            | Self::DataRejected
            | Self::Duplicate
            | Self::KeyMissing
            | Self::SourceChanged
            | Self::BinlogPurged
            | Self::Inconsistent
            | Self::Refused
            | Self::StatementRejected
            | Self::BadRequest
            | Self::GivenUp
            | Self::Unknown => true,
        }
    }

    /// What follows from an error of this kind. The only place that decides it.
    pub fn response(self) -> Response {
        match self {
            Self::ServerGone | Self::NotPrimary | Self::NotYet => Response::Rediscover,
            Self::Fenced => Response::Yield,
            Self::Passing => Response::Retry,
            Self::TooBig => Response::Shrink,
            Self::AccessDenied | Self::Unknown => Response::RetryBounded,
            Self::DataRejected
            | Self::Duplicate
            | Self::KeyMissing
            | Self::SourceChanged
            | Self::BinlogPurged
            | Self::Inconsistent
            | Self::Refused
            | Self::StatementRejected
            | Self::BadRequest
            | Self::GivenUp => Response::Fail,
        }
    }

    /// The kind's name, as policies, logs and metrics see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerGone => "server-gone",
            Self::NotPrimary => "not-primary",
            Self::Fenced => "fenced",
            Self::Passing => "passing",
            Self::TooBig => "too-big",
            Self::DataRejected => "data-rejected",
            Self::Duplicate => "duplicate",
            Self::KeyMissing => "key-missing",
            Self::SourceChanged => "source-changed",
            Self::BinlogPurged => "binlog-purged",
            Self::Inconsistent => "inconsistent",
            Self::Refused => "refused",
            Self::StatementRejected => "statement-rejected",
            Self::AccessDenied => "access-denied",
            Self::BadRequest => "bad-request",
            Self::NotYet => "not-yet",
            Self::GivenUp => "given-up",
            Self::Unknown => "unknown",
        }
    }
}
