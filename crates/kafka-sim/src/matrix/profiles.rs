//! The rows: from fire and forget to the full safe profile.

use crate::search::Settings;

type Pairs = &'static [(&'static str, &'static str)];

/// A profile.
pub(super) struct Row {
    pub(super) name: &'static str,
    producer: Pairs,
    topic: Pairs,
}

const TWO_IN_SYNC: (&str, &str) = ("min.insync.replicas", "2");
const ONE_IN_FLIGHT: (&str, &str) = ("max.in.flight.requests.per.connection", "1");
const NOT_IDEMPOTENT: (&str, &str) = ("enable.idempotence", "false");
const ALL: (&str, &str) = ("acks", "all");

/// From the weakest to the safest.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "fire-and-forget",
        producer: &[("acks", "0"), NOT_IDEMPOTENT],
        topic: &[],
    },
    Row {
        name: "acks-one",
        producer: &[("acks", "1"), NOT_IDEMPOTENT],
        topic: &[],
    },
    Row {
        name: "acks-all",
        producer: &[ALL],
        topic: &[("min.insync.replicas", "1")],
    },
    Row {
        name: "no-idempotence",
        producer: &[ALL, NOT_IDEMPOTENT],
        topic: &[TWO_IN_SYNC],
    },
    Row {
        name: "safe",
        producer: &[ALL],
        topic: &[TWO_IN_SYNC],
    },
    Row {
        name: "ordered",
        producer: &[ALL, ONE_IN_FLIGHT],
        topic: &[TWO_IN_SYNC],
    },
    Row {
        name: "flushed",
        producer: &[ALL, ONE_IN_FLIGHT],
        topic: &[TWO_IN_SYNC, ("flush.messages", "1")],
    },
];

impl Row {
    pub(super) fn settings(&self) -> Settings {
        let owned = |pairs: Pairs| {
            pairs
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect()
        };
        Settings {
            producer: owned(self.producer),
            topic: owned(self.topic),
            ..Settings::default()
        }
    }

    pub(super) fn words(&self) -> Vec<String> {
        let pairs = self.producer.iter().chain(self.topic);
        pairs.map(|(key, value)| format!("{key}={value}")).collect()
    }
}
