//! Exit codes and error messages.

use std::process::ExitCode;

use outlast_core::{Error, ErrorKind};

/// MySQL's number for a wrong user name or password (`ER_ACCESS_DENIED_ERROR`).
const WRONG_LOGIN: u16 = 1045;

/// Complete.
pub(crate) const COMPLETE: u8 = 0;
/// Wrong usage. Also what the argument parser exits with.
pub(crate) const USAGE: u8 = 2;
/// Refused before anything was changed.
pub(crate) const REFUSED: u8 = 3;
/// Failed; the source is untouched.
pub(crate) const FAILED: u8 = 4;
/// Stopped; somebody else goes on from here.
pub(crate) const STOPPED: u8 = 5;

/// Why a command ends without having done what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            message: message.into(),
        }
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self {
            code: REFUSED,
            message: message.into(),
        }
    }
}

/// An error before a migration was begun: nothing was changed.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut message = error.to_string();
        add_causes(&mut message, &error);
        if error.code() == Some(WRONG_LOGIN) {
            message.push_str(
                "; check --user and the password (OUTLAST_PASSWORD, --defaults-file or --password), and whether the account asks for \
                 encryption (--tls, --tls-ca)",
            );
        }
        match error.kind() {
            ErrorKind::BadRequest => Self::usage(message),
            _ => Self::refused(message),
        }
    }
}

/// Appends the causes of an error that the message does not tell yet, up to a reply of the server: where there is one, the
/// message was written for it.
pub(crate) fn add_causes(message: &mut String, error: &(dyn std::error::Error + 'static)) {
    let is_reply = |error: &(dyn std::error::Error + 'static)| {
        error
            .downcast_ref::<Error>()
            .is_some_and(|error| error.code().is_some())
    };
    let mut next = Some(error);
    while let Some(error) = next.filter(|error| !is_reply(*error)) {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        next = error.source();
    }
}

/// Prints the one line that says what is wrong, and gives the exit code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    eprintln!("outlast: {}", failure.message.replace('\n', " "));
    ExitCode::from(failure.code)
}
