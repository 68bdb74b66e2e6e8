//! Reading values the way Kafka's `ConfigDef` does: trimmed, with ranges.

use std::time::Duration;

use kafka_sim_core::ConfigError;

/// An error for a value that does not fit its key.
pub(super) fn invalid(key: &str, value: &str, expected: impl Into<String>) -> ConfigError {
    ConfigError::invalid_value(key, value, expected)
}

/// A whole number between `low` and `high`, both included.
pub(super) fn number(key: &str, value: &str, low: i64, high: i64) -> Result<i64, ConfigError> {
    match value.trim().parse::<i64>() {
        Ok(number) if (low..=high).contains(&number) => Ok(number),
        _ if high == i64::MAX => Err(invalid(key, value, format!("a number of at least {low}"))),
        _ => Err(invalid(key, value, format!("a number between {low} and {high}"))),
    }
}

/// A 32-bit number between `low` and the largest 32-bit number.
pub(super) fn int(key: &str, value: &str, low: i32) -> Result<i32, ConfigError> {
    let number = number(key, value, low.into(), i32::MAX.into())?;
    Ok(i32::try_from(number).expect("the range was checked"))
}

/// A size or count in memory, not negative.
pub(super) fn size(key: &str, value: &str, low: i32) -> Result<usize, ConfigError> {
    Ok(usize::try_from(int(key, value, low)?).expect("sizes are not negative"))
}

/// Milliseconds, not negative.
pub(super) fn millis(key: &str, value: &str) -> Result<Duration, ConfigError> {
    let number = number(key, value, 0, i64::MAX)?;
    Ok(Duration::from_millis(number.unsigned_abs()))
}

/// `true` or `false`, in any case.
pub(super) fn boolean(key: &str, value: &str) -> Result<bool, ConfigError> {
    let text = value.trim();
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(invalid(key, value, "true or false"))
    }
}

/// A length of time as Java's `Duration.parse` reads it, in lower case, without signs: `p1dt2h3m4.5s`.
pub(super) fn iso_duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('p')?;
    let (days, clock) = text.split_once('t').unwrap_or((text, ""));
    let mut units = vec![('d', 86_400)];
    let mut seconds = iso_part(days, &mut units)?;
    let mut units = vec![('h', 3_600), ('m', 60), ('s', 1)];
    seconds += iso_part(clock, &mut units)?;
    let ends_well = text.ends_with(['d', 'h', 'm', 's']);
    ends_well.then_some(seconds)
}

/// Adds numbers up, each followed by one of the units, in their order. Only seconds may have a fraction.
fn iso_part(mut text: &str, units: &mut Vec<(char, u64)>) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, rest) = text.split_at(end);
        let unit = rest.chars().next()?;
        let at = units.iter().position(|(name, _)| *name == unit)?;
        let (_, seconds) = units.drain(..=at).next_back()?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.len() <= 9 && text.chars().all(|c| c.is_ascii_digit());
        if !digits(fraction) || (unit != 's' && !fraction.is_empty()) {
            return None;
        }
        let nanos = format!("{fraction:0<9}").parse().ok()?;
        sum += Duration::new(whole.parse::<u64>().ok()?.checked_mul(seconds)?, nanos);
        text = &rest[1..];
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_iso_8601_writes_them() {
        assert_eq!(iso_duration("pt1h30m"), Some(Duration::from_secs(5_400)));
        assert_eq!(iso_duration("p2d"), Some(Duration::from_secs(172_800)));
        assert_eq!(iso_duration("pt0.25s"), Some(Duration::from_millis(250)));
        for wrong in ["", "p", "pt", "1h", "pt1m1h", "pt1.5h", "p-1d"] {
            assert_eq!(iso_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn values_are_trimmed_and_ranged() {
        assert_eq!(int("retries", " 3 ", 0).expect("fits"), 3);
        assert!(int("retries", "-1", 0).is_err());
        assert!(int("retries", "2147483648", 0).is_err());
        assert_eq!(millis("linger.ms", "5").expect("fits"), Duration::from_millis(5));
        assert!(boolean("check.crcs", "TRUE").expect("fits"));
        assert!(boolean("check.crcs", "yes").is_err());
    }
}
