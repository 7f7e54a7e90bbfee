//! Exit codes and error messages.

use std::{error::Error as _, process::ExitCode};

use outlast_core::{Error, ErrorKind};

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
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) && error.code().is_none() {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        match error.kind() {
            ErrorKind::BadRequest => Self::usage(message),
            _ => Self::refused(message),
        }
    }
}

/// Prints the one line that says what is wrong, and gives the exit code.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    eprintln!("outlast: {}", failure.message.replace('\n', " "));
    ExitCode::from(failure.code)
}
