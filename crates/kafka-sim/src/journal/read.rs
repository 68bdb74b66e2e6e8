//! Reading a journal.

use std::path::Path;

use kafka_sim_cluster::ClusterConfig;
use kafka_sim_core::SimTime;
use serde::Deserialize;

use super::line::{Header, Line, Parsed};
use super::{FORMAT, Journal, JournalError};

const HEADER: &str = "the header of a kafka-sim journal";
const ENTRY: &str = "an entry such as {\"data\":{\"at\":1,\"conn\":0,\"bytes\":\"AAAA\"}}";
const ORDER: &str = "times that never run backwards";
const NOTHING: &str = "nothing after the end";

/// What of a header every format has.
#[derive(Deserialize)]
struct Format {
    kafka_sim_journal: u32,
}

impl Journal {
    /// Reads a journal from a file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a journal of this format.
    pub fn read(path: &Path) -> Result<Journal, JournalError> {
        let text = std::fs::read(path).map_err(|source| JournalError::Io {
            path: path.to_owned(),
            source,
        })?;
        Journal::parse(&text)
    }

    /// Reads a journal from the bytes of its file. Half a line at the end, where a recording was cut, is left out.
    ///
    /// # Errors
    /// The bytes are not a journal of this format, or describe a cluster that cannot be made.
    pub fn parse(text: &[u8]) -> Result<Journal, JournalError> {
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(&text[..0], |at| &text[..at]);
        let mut lines = (1..).zip(whole.split(|byte| *byte == b'\n'));
        let (_, first) = lines.next().expect("splitting yields at least one slice");
        let header = parse_header(first)?;
        let mut journal = Journal {
            setup: header.cluster,
            seed: header.seed,
            entries: Vec::new(),
            end: None,
        };
        let mut last = SimTime::ZERO;
        for (line, text) in lines {
            let wrong = |expected, found| JournalError::Line { line, expected, found };
            if journal.end.is_some() {
                return Err(wrong(NOTHING, "another line".to_owned()));
            }
            let parsed: Line = serde_json::from_slice(text).map_err(|error| wrong(ENTRY, error.to_string()))?;
            let parsed = parsed.read().map_err(|found| wrong(ENTRY, found))?;
            let at = match &parsed {
                Parsed::Entry(entry) => entry.at,
                Parsed::End(end) => end.at,
            };
            if at < last {
                return Err(wrong(ORDER, format!("{at} after {last}")));
            }
            last = at;
            match parsed {
                Parsed::Entry(entry) => journal.entries.push(entry),
                Parsed::End(end) => journal.end = Some(end),
            }
        }
        Ok(journal)
    }
}

fn parse_header(line: &[u8]) -> Result<Header, JournalError> {
    let wrong = |error: serde_json::Error| JournalError::Line {
        line: 1,
        expected: HEADER,
        found: error.to_string(),
    };
    let Format {
        kafka_sim_journal: found,
    } = serde_json::from_slice(line).map_err(wrong)?;
    if found != FORMAT {
        return Err(JournalError::Format {
            found,
            expected: FORMAT,
        });
    }
    let header: Header = serde_json::from_slice(line).map_err(wrong)?;
    // Found now, a bad setting is reported where it stands and not when somebody replays.
    ClusterConfig::try_from(&header.cluster)?;
    Ok(header)
}
