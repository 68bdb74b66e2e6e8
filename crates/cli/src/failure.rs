//! How commands fail.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Why a command ended before it had an answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for makes no sense: exit status 2.
    Usage(String),
    /// It could not be done: exit status 1.
    Failed(String),
    /// Nobody reads the output any more, as in `kafka-sim .. | head`.
    NobodyReads,
}

impl Failure {
    pub(crate) fn usage(error: impl Display) -> Failure {
        Failure::Usage(error.to_string())
    }

    pub(crate) fn failed(error: impl Display) -> Failure {
        Failure::Failed(error.to_string())
    }

    /// Says what went wrong and returns the exit status.
    pub(crate) fn report(self) -> ExitCode {
        let (message, status) = match self {
            Failure::Usage(message) => (message, 2),
            Failure::Failed(message) => (message, 1),
            Failure::NobodyReads => return ExitCode::SUCCESS,
        };
        // With standard error closed as well there is nobody left to tell.
        let _ = writeln!(io::stderr(), "kafka-sim: {message}");
        ExitCode::from(status)
    }
}

/// Errors of standard output, the only I/O that commands do on their own.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::NobodyReads,
            _ => Failure::failed(error),
        }
    }
}
