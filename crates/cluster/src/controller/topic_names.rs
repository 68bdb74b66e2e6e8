//! Which topic names are legal (Topic.validate).

/// Longest name, so that the name of a log directory fits a file system.
const MAX_LENGTH: usize = 249;

/// Names are 1 to 249 characters of `[a-zA-Z0-9._-]`, and neither `.` nor `..`.
///
/// # Errors
/// What is wrong with the name, for people.
pub fn check_topic_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Err("it is empty".to_owned())
    } else if name == "." || name == ".." {
        Err(format!("'{name}' is reserved"))
    } else if name.chars().count() > MAX_LENGTH {
        Err(format!("the length of '{name}' exceeds {MAX_LENGTH} characters"))
    } else if !name.chars().all(legal) {
        Err(format!("'{name}' has characters outside of [a-zA-Z0-9._-]"))
    } else {
        Ok(())
    }
}

/// Names that differ only in `.` and `_` share their metrics' names, so Kafka refuses the second.
pub(super) fn collide(one: &str, other: &str) -> bool {
    let unified = |byte: u8| if byte == b'.' { b'_' } else { byte };
    one.len() == other.len() && one.bytes().map(unified).eq(other.bytes().map(unified))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_names_are_legal() {
        for name in ["a", "orders.v1_x-2", &"x".repeat(249), "..."] {
            assert_eq!(check_topic_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", &"x".repeat(250), "a b", "ü", "a/b"] {
            assert!(check_topic_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn dots_and_underscores_are_the_same_to_metrics() {
        assert!(collide("a.b_c", "a_b.c"));
        assert!(!collide("a.b", "a-b"));
        assert!(!collide("a.b", "a.b.c"));
    }
}
