//! Where a replay stops, as given on the command line.

use std::time::Duration;

use kafka_sim::{MarkKind, SimTime, Stop};

const FORM: &str =
    "expected seconds such as 12.5, event:N, or a mark such as produce_acked:orders-0:3 or broker_down:2";

/// `SECONDS`, `event:N`, `MARK:TOPIC-PARTITION[:N]` or `MARK:BROKER[:N]`.
pub(crate) fn parse_stop(text: &str) -> Result<Stop, String> {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let Some(subject) = parts.next() else {
        return parse_seconds(text).map(Stop::Time);
    };
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is not a number: {FORM}"));
    if name == "event" {
        return Ok(Stop::Events(number(subject)?));
    }
    let nth = parts.next().map_or(Ok(1), number)?;
    let nth = u32::try_from(nth).ok().filter(|nth| *nth > 0);
    let nth = nth.ok_or_else(|| format!("an occurrence is counted from 1 to {}: {FORM}", u32::MAX))?;
    if parts.next().is_some() {
        return Err(format!("too many parts: {FORM}"));
    }
    Ok(Stop::Mark {
        mark: mark(name, subject)?,
        nth,
    })
}

/// The mark as schedules spell it.
fn mark(name: &str, subject: &str) -> Result<MarkKind, String> {
    let about = match subject
        .rsplit_once('-')
        .map(|(topic, index)| (topic, index.parse::<i32>()))
    {
        Some((topic, Ok(partition))) => serde_json::json!({ "topic": topic, "partition": partition }),
        _ => serde_json::json!(
            subject
                .parse::<i32>()
                .map_err(|_| { format!("`{subject}` is neither TOPIC-PARTITION nor a broker: {FORM}") })?
        ),
    };
    let spelled = serde_json::Map::from_iter([(name.replace('-', "_"), about)]);
    serde_json::from_value(spelled.into()).map_err(|error| format!("{error}: {FORM}"))
}

/// Decimal seconds without a detour over floating point.
fn parse_seconds(text: &str) -> Result<SimTime, String> {
    let wrong = || format!("`{text}` is no number of seconds with up to nine decimals: {FORM}");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 9 || !(whole.bytes().chain(decimals.bytes())).all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let nanos: u64 = format!("{decimals:0<9}").parse().map_err(|_| wrong())?;
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let whole = whole
        .checked_mul(1_000_000_000)
        .and_then(|whole| whole.checked_add(nanos));
    Ok(SimTime::ZERO + Duration::from_nanos(whole.ok_or_else(wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_to_the_nanosecond() {
        assert_eq!(parse_stop("12.5"), Ok(Stop::Time(SimTime::from_millis(12_500))));
        assert_eq!(parse_stop("0.000000001"), Ok(Stop::Time(SimTime::from_nanos(1))));
        for wrong in ["", "-1", "1e3", "1.0000000001", "1,5", ".", "99999999999999999999"] {
            assert!(parse_stop(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn events_and_marks_are_read_as_schedules_spell_them() {
        assert_eq!(parse_stop("event:120"), Ok(Stop::Events(120)));
        let topic = "two-words".to_owned();
        let mark = MarkKind::ProduceAcked { topic, partition: 0 };
        assert_eq!(
            parse_stop("produce_acked:two-words-0:3"),
            Ok(Stop::Mark { mark, nth: 3 })
        );
        let mark = MarkKind::BrokerDown(kafka_sim::BrokerId(2));
        assert_eq!(parse_stop("broker-down:2"), Ok(Stop::Mark { mark, nth: 1 }));
    }

    #[test]
    fn what_is_none_of_these_is_refused_in_words() {
        for wrong in [
            "event:x",
            "no_such_mark:orders-0",
            "broker_down:orders",
            "broker_down:1:0",
            "broker_down:1:2:3",
        ] {
            let error = parse_stop(wrong).expect_err(wrong);
            assert!(error.contains("expected"), "{wrong}: {error}");
        }
    }
}
