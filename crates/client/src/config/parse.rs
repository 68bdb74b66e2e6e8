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

#[cfg(test)]
mod tests {
    use super::*;

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
