//! Histories on paper: what clients saw, one JSON value per line.
//!
//! A history can be written by anything that can write lines: a test of a real client, in whatever language, records
//! what it did and saw, and the judge says which promises that history keeps. No simulator need be involved.
//!
//! The first line is `{"kafka_sim_history":1}`. Every other line is one [`Observation`], in the order in which things
//! happened. The name of the observation is the only key, in snake case, and its value holds the fields of the same
//! names. Fields that may be missing are left out. A `key` is a number, or text, which is hashed as
//! [`key_of`](crate::check::key_of) does; a `completion` is `"ok"`, `"fail"` or `"info"`. Lines without anything on them are skipped.
//!
//! ```
//! use kafka_sim::check::{Promise, judge};
//!
//! let lines = r#"{"kafka_sim_history":1}
//! {"sent":{"at":1000,"producer":0,"message":7,"topic":"orders","key":"customer-1"}}
//! {"acked":{"at":4000,"message":7,"partition":2,"offset":0}}
//! {"joined":{"at":5000,"reader":1,"group":"billing"}}
//! {"owned":{"at":6000,"reader":1,"topic":"orders","partition":2}}
//! {"read":{"at":7000,"reader":1,"topic":"orders","partition":2,"offset":0,"message":7}}
//! {"commit_sent":{"at":7500,"reader":1,"topic":"orders","partition":2,"offset":1}}
//! {"committed":{"at":8000,"reader":1,"topic":"orders","partition":2,"offset":1,"completion":"ok"}}
//! {"died":{"at":8200,"reader":1}}
//! {"group_settled":{"at":60000,"group":"billing","caught_up":true}}
//! "#;
//! let history = kafka_sim::recorded::parse(lines.as_bytes())?;
//! let verdict = judge(&history, &[Promise::EveryAckedProcessed, Promise::CommitNeverPassesProcessed]);
//! // The consumer committed the record before it had processed it, and died.
//! assert_eq!(verdict.violations().len(), 2);
//! # Ok::<(), kafka_sim::recorded::HistoryError>(())
//! ```

mod line;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use kafka_sim_check::{History, Observation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use line::Line;

/// The format this version reads and writes.
const FORMAT: u32 = 1;
const HEADER: &str = "the header {\"kafka_sim_history\":1}";
const OBSERVATION: &str = "an observation such as {\"acked\":{\"at\":1,\"message\":7,\"partition\":0,\"offset\":3}}";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    kafka_sim_history: u32,
}

/// A history that cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A line is not what belongs there.
    #[error("line {line}: expected {expected}: {found}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What belongs there.
        expected: &'static str,
        /// What is wrong with what stands there.
        found: String,
    },
    /// Another version of kafka-sim wrote it.
    #[error("line {line}: history format {found}, expected format {expected}")]
    Format {
        /// Number of the line, from 1.
        line: usize,
        /// Its format.
        found: u32,
        /// The format this version reads.
        expected: u32,
    },
}

/// Reads a history from a file.
///
/// # Errors
/// The file cannot be read, or one of its lines is not what belongs there.
pub fn read(path: &Path) -> Result<History, HistoryError> {
    let text = std::fs::read(path).map_err(|source| HistoryError::Io {
        path: path.to_owned(),
        source,
    })?;
    parse(&text)
}

/// Reads a history from the bytes of its file.
///
/// # Errors
/// A line is not what belongs there.
pub fn parse(text: &[u8]) -> Result<History, HistoryError> {
    let lines = (1..).zip(text.split(|byte| *byte == b'\n'));
    let mut lines = lines.filter(|(_, text)| !text.trim_ascii().is_empty());
    let (line, header) = lines.next().unwrap_or((1, b""));
    let header: Header = serde_json::from_slice(header).map_err(|error| HistoryError::Line {
        line,
        expected: HEADER,
        found: error.to_string(),
    })?;
    if header.kafka_sim_history != FORMAT {
        return Err(HistoryError::Format {
            line,
            found: header.kafka_sim_history,
            expected: FORMAT,
        });
    }
    let observations = lines.map(|(line, text)| {
        let parsed: Result<Line, _> = serde_json::from_slice(text);
        parsed.map(Observation::from).map_err(|error| HistoryError::Line {
            line,
            expected: OBSERVATION,
            found: error.to_string(),
        })
    });
    observations.collect()
}

/// Writes a history, such that reading it makes the same history. Observations that contradicted others are gone.
///
/// # Errors
/// Those of the writer.
pub fn write(history: &History, mut out: impl Write) -> io::Result<()> {
    write_line(
        &mut out,
        &Header {
            kafka_sim_history: FORMAT,
        },
    )?;
    for observation in history.observations() {
        write_line(&mut out, &Line::from(observation))?;
    }
    out.flush()
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
