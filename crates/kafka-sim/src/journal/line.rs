//! The lines of a journal as JSON.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;
use kafka_sim_cluster::Input;
use kafka_sim_cluster::fault::ScheduledFault;
use kafka_sim_core::{BrokerId, ConnId, Seed, SimTime};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{End, Entry, Setup, Step};

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) kafka_sim_journal: u32,
    pub(super) version: String,
    pub(super) seed: Seed,
    pub(super) cluster: Setup,
}

/// Any other line. `at` is nanoseconds since the start.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    Connect {
        at: SimTime,
        conn: ConnId,
        broker: BrokerId,
        host: Arc<str>,
    },
    Data {
        at: SimTime,
        conn: ConnId,
        bytes: Base64,
    },
    Disconnect {
        at: SimTime,
        conn: ConnId,
    },
    Fault {
        at: SimTime,
        scheduled: ScheduledFault,
    },
    HealAll {
        at: SimTime,
    },
    Advance {
        at: SimTime,
    },
    End {
        at: SimTime,
        events: u64,
        hash: String,
    },
}

impl Line {
    pub(super) fn of(at: SimTime, input: &Input) -> Line {
        match input.clone() {
            Input::Connect { conn, broker, host } => Line::Connect { at, conn, broker, host },
            Input::Data { conn, bytes } => Line::Data {
                at,
                conn,
                bytes: Base64(bytes),
            },
            Input::Disconnect { conn } => Line::Disconnect { at, conn },
            Input::Fault(scheduled) => Line::Fault { at, scheduled },
            Input::HealAll => Line::HealAll { at },
        }
    }

    pub(super) fn end(end: End) -> Line {
        Line::End {
            at: end.at,
            events: end.events,
            hash: format!("{:016x}", end.hash),
        }
    }

    /// The entry or the end that this line is; the error says what is wrong with it.
    pub(super) fn read(self) -> Result<Parsed, String> {
        let (at, input) = match self {
            Line::Connect { at, conn, broker, host } => (at, Input::Connect { conn, broker, host }),
            Line::Data { at, conn, bytes } => (at, Input::Data { conn, bytes: bytes.0 }),
            Line::Disconnect { at, conn } => (at, Input::Disconnect { conn }),
            Line::Fault { at, scheduled } => (at, Input::Fault(scheduled)),
            Line::HealAll { at } => (at, Input::HealAll),
            Line::Advance { at } => {
                return Ok(Parsed::Entry(Entry {
                    at,
                    step: Step::Advance,
                }));
            }
            Line::End { at, events, hash } => {
                let hash = u64::from_str_radix(&hash, 16).map_err(|_| format!("hash `{hash}`"))?;
                return Ok(Parsed::End(End { at, events, hash }));
            }
        };
        Ok(Parsed::Entry(Entry {
            at,
            step: Step::Input(input),
        }))
    }
}

pub(super) enum Parsed {
    Entry(Entry),
    End(End),
}

/// Bytes that are text in JSON.
pub(super) struct Base64(pub(super) Bytes);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64
            .decode(text.as_bytes())
            .map_err(|error| D::Error::custom(format!("base64: {error}")))?;
        Ok(Base64(bytes.into()))
    }
}
