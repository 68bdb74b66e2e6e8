//! The lines of a history as JSON.

use std::sync::Arc;

use kafka_sim_check::{Completion, MessageId, Observation, key_of};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Gives lines the same kinds and fields as [`Observation`], and makes one into the other.
macro_rules! lines {
    ($($kind:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* })*) => {
        /// One observation.
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub(super) enum Line {
            $($kind { $($(#[$attribute])* $field: $type,)* },)*
        }

        impl From<Line> for Observation {
            fn from(line: Line) -> Observation {
                match line {
                    $(Line::$kind { $($field,)* } => Observation::$kind { $($field,)* },)*
                }
            }
        }

        impl From<Observation> for Line {
            fn from(observation: Observation) -> Line {
                match observation {
                    $(Observation::$kind { $($field,)* } => Line::$kind { $($field,)* },)*
                    other => unreachable!("every kind of observation has its line: {other:?}"),
                }
            }
        }
    };
}

lines! {
    Sent {
        at: u64,
        producer: u32,
        #[serde(with = "id")]
        message: MessageId,
        topic: Arc<str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        partition: Option<i32>,
        #[serde(default, deserialize_with = "key", skip_serializing_if = "Option::is_none")]
        key: Option<u64>,
        #[serde(default)]
        sequence: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        business: Option<u64>,
        #[serde(default, with = "optional_id", skip_serializing_if = "Option::is_none")]
        resend_of: Option<MessageId>,
    }
    Acked {
        at: u64,
        #[serde(with = "id")]
        message: MessageId,
        partition: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        offset: Option<i64>,
    }
    Refused {
        at: u64,
        #[serde(with = "id")]
        message: MessageId,
        error: Arc<str>,
    }
    Unknown {
        at: u64,
        #[serde(with = "id")]
        message: MessageId,
        error: Arc<str>,
    }
    Poll {
        at: u64,
        reader: u32,
        #[serde(with = "Completed")]
        completion: Completion,
    }
    Repositioned {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
    }
    Read {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
        offset: i64,
        #[serde(default, with = "optional_id", skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
        #[serde(skip_serializing_if = "Option::is_none")]
        leader_epoch: Option<i32>,
    }
    EndOfRead {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
        #[serde(default)]
        log_start: i64,
        offset: i64,
    }
    TopicRecreated {
        at: u64,
        topic: Arc<str>,
    }
    FaultActive {
        from: u64,
        until: u64,
    }
    Compacted {
        at: u64,
        topic: Arc<str>,
    }
    Joined {
        at: u64,
        reader: u32,
        group: Arc<str>,
    }
    Owned {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
    }
    Released {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
    }
    Processed {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
        offset: i64,
        #[serde(default, with = "optional_id", skip_serializing_if = "Option::is_none")]
        message: Option<MessageId>,
    }
    Effect {
        at: u64,
        reader: u32,
        #[serde(with = "id")]
        message: MessageId,
    }
    CommitSent {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
        offset: i64,
    }
    Committed {
        at: u64,
        reader: u32,
        topic: Arc<str>,
        partition: i32,
        offset: i64,
        #[serde(with = "Completed")]
        completion: Completion,
    }
    Died {
        at: u64,
        reader: u32,
    }
    GroupSettled {
        at: u64,
        group: Arc<str>,
        caught_up: bool,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Completion", rename_all = "snake_case")]
enum Completed {
    Ok,
    Fail,
    Info,
}

mod id {
    use super::*;

    pub(super) fn serialize<S: Serializer>(id: &MessageId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(id.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MessageId, D::Error> {
        u64::deserialize(deserializer).map(MessageId)
    }
}

mod optional_id {
    use super::*;

    pub(super) fn serialize<S: Serializer>(id: &Option<MessageId>, serializer: S) -> Result<S::Ok, S::Error> {
        id.map(|id| id.0).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MessageId>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(MessageId))
    }
}

/// A record's key: its number, or text to make a number of.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a key: a number, or text")]
enum Key {
    Number(u64),
    Text(String),
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let key = Option::deserialize(deserializer)?;
    Ok(key.map(|key| match key {
        Key::Number(number) => number,
        Key::Text(text) => key_of(text.as_bytes()),
    }))
}
