//! Times in JSON: milliseconds, as a number where they are whole and as a decimal string such as `"1.25"` where not, so
//! that a stored schedule is exactly the one that ran.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;

const NANOS_PER_MILLI: u64 = 1_000_000;

fn write<S: Serializer>(nanos: u64, serializer: S) -> Result<S::Ok, S::Error> {
    let (whole, rest) = (nanos / NANOS_PER_MILLI, nanos % NANOS_PER_MILLI);
    if rest == 0 {
        return serializer.serialize_u64(whole);
    }
    let text = format!("{whole}.{rest:06}");
    serializer.serialize_str(text.trim_end_matches('0'))
}

struct Millis;

impl Visitor<'_> for Millis {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milliseconds, as a whole number or as a decimal string with up to six decimals")
    }

    fn visit_u64<E: de::Error>(self, millis: u64) -> Result<u64, E> {
        millis
            .checked_mul(NANOS_PER_MILLI)
            .ok_or_else(|| E::custom("more than 584 years"))
    }

    fn visit_i64<E: de::Error>(self, millis: i64) -> Result<u64, E> {
        self.visit_u64(u64::try_from(millis).map_err(|_| E::custom("negative milliseconds"))?)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

fn parse(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
        return None;
    }
    let rest: u64 = format!("{decimals:0<6}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(NANOS_PER_MILLI)?
        .checked_add(rest)
}

pub(super) mod sim_time {
    use kafka_sim_core::SimTime;

    use super::*;

    pub(in crate::fault) fn serialize<S: Serializer>(at: &SimTime, serializer: S) -> Result<S::Ok, S::Error> {
        write(at.as_nanos(), serializer)
    }

    pub(in crate::fault) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SimTime, D::Error> {
        deserializer.deserialize_any(Millis).map(SimTime::from_nanos)
    }
}

pub(super) mod duration {
    use std::time::Duration;

    use super::*;

    pub(in crate::fault) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        write(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), serializer)
    }

    pub(in crate::fault) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_any(Millis).map(Duration::from_nanos)
    }
}

pub(super) mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Wrapped(#[serde(with = "super::duration")] Duration);

    pub(in crate::fault) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(Wrapped).serialize(serializer)
    }

    pub(in crate::fault) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|wrapped| wrapped.0))
    }
}
