//! From a key's text to a value of the machine.

use std::sync::Arc;
use std::time::Duration;

/// A type that a configuration key can be read as.
pub(super) trait FromConfig: Sized {
    /// Reads `value`; `None` if it is not of this type. The key's ending gives a duration's unit.
    fn read(key: &str, value: Option<&str>) -> Option<Self>;
}

impl FromConfig for bool {
    fn read(_: &str, value: Option<&str>) -> Option<Self> {
        Some(value?.eq_ignore_ascii_case("true"))
    }
}

impl FromConfig for i16 {
    fn read(_: &str, value: Option<&str>) -> Option<Self> {
        value?.parse().ok()
    }
}

impl FromConfig for i32 {
    fn read(_: &str, value: Option<&str>) -> Option<Self> {
        value?.parse().ok()
    }
}

impl FromConfig for Option<Arc<str>> {
    fn read(_: &str, value: Option<&str>) -> Option<Self> {
        Some(value.filter(|text| !text.is_empty()).map(Arc::from))
    }
}

impl FromConfig for Duration {
    /// A negative number means "never" wherever Kafka accepts one, and becomes the longest duration.
    fn read(key: &str, value: Option<&str>) -> Option<Self> {
        let number: i64 = value?.parse().ok()?;
        let Ok(number) = u64::try_from(number) else {
            return Some(Duration::MAX);
        };
        Some(if key.ends_with(".seconds") {
            Duration::from_secs(number)
        } else if key.ends_with(".minutes") {
            Duration::from_secs(number.saturating_mul(60))
        } else {
            Duration::from_millis(number)
        })
    }
}
