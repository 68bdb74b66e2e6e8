//! Configuration keys: reading properties files and saying what is wrong with a key or a value.

use thiserror::Error;

/// Configuration that cannot be used. Returned by constructors.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Nobody knows this key.
    #[error("unknown {scope} configuration `{key}`{}", did_you_mean(.nearest))]
    UnknownKey {
        /// The key as written.
        key: String,
        /// What was being configured: "broker", "topic", "producer" and so on.
        scope: &'static str,
        /// The known key that looks most like it, if any does.
        nearest: Option<String>,
    },
    /// The key is known but the value is not one it can have.
    #[error("invalid value `{value}` for `{key}`: expected {expected}")]
    InvalidValue {
        /// The key.
        key: String,
        /// The value as written.
        value: String,
        /// What it should have been, as in "an integer of at least 1".
        expected: String,
    },
    /// A key without a default was not given.
    #[error("missing required {scope} configuration `{key}`")]
    Missing {
        /// The key.
        key: String,
        /// What was being configured.
        scope: &'static str,
    },
    /// Values that are fine alone contradict each other.
    #[error("{message}")]
    Conflict {
        /// Which values, and why they cannot stand together.
        message: String,
    },
    /// A properties file that does not parse.
    #[error("line {line}: {message}")]
    Syntax {
        /// Line number from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
}

impl ConfigError {
    /// A [`ConfigError::UnknownKey`] that names the nearest of the `known` keys.
    pub fn unknown_key<'a>(key: &str, scope: &'static str, known: impl Iterator<Item = &'a str>) -> Self {
        ConfigError::UnknownKey {
            key: key.to_owned(),
            scope,
            nearest: nearest(key, known).map(str::to_owned),
        }
    }

    /// An [`ConfigError::InvalidValue`].
    pub fn invalid_value(key: &str, value: &str, expected: impl Into<String>) -> Self {
        ConfigError::InvalidValue {
            key: key.to_owned(),
            value: value.to_owned(),
            expected: expected.into(),
        }
    }
}

fn did_you_mean(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |key| format!(", did you mean `{key}`?"))
}

/// The known key that `unknown` was probably meant to be: the one the fewest edits away, unless that would change more
/// than a third of it. The first one wins a draw.
pub fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let tolerated = (unknown.chars().count() / 3).max(2);
    known
        .map(|key| (strsim::osa_distance(unknown, key), key))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

/// Reads a Java properties file (`java.util.Properties.load`): comments start with `#` or `!`, a key ends at `=`, `:` or
/// white space, a backslash escapes the next character or continues the line. Keys keep the order of their first
/// appearance; the last value wins. White space around values is dropped, as Kafka drops it when it parses them.
///
/// # Errors
/// [`ConfigError::Syntax`] for a `\u` that four hexadecimal digits do not follow.
pub fn parse_properties(text: &str) -> Result<Vec<(String, String)>, ConfigError> {
    let mut entries: Vec<(String, String)> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, first)) = lines.next() {
        let first = first.trim_start();
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_owned();
        while ends_in_continuation(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(next.trim_start());
        }
        let (key, value) = split_entry(&logical);
        let key = unescape(key, at + 1)?;
        let value = unescape(value.trim_end(), at + 1)?;
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    Ok(entries)
}

/// Whether the line ends in an odd number of backslashes: in an even number, each escapes the next.
fn ends_in_continuation(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Splits a logical line at the first unescaped separator, and drops the separator and the white space around it.
fn split_entry(line: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        if !escaped && (c == '=' || c == ':' || c.is_ascii_whitespace()) {
            let rest = line[at..].trim_start();
            let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
            return (&line[..at], value.trim_start());
        }
        escaped = c == '\\' && !escaped;
    }
    (line, "")
}

fn unescape(text: &str, line: usize) -> Result<String, ConfigError> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some('u') => plain.push(unicode_escape(&mut chars, line)?),
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

fn unicode_escape(chars: &mut std::str::Chars<'_>, line: usize) -> Result<char, ConfigError> {
    let digits: String = chars.by_ref().take(4).collect();
    let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 4);
    // Divergence: a surrogate pair written as two escapes is refused; Java would join it.
    code.and_then(char::from_u32).ok_or_else(|| ConfigError::Syntax {
        line,
        message: format!("`\\u{digits}` is not a \\u escape of four hexadecimal digits"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Vec<(String, String)> {
        parse_properties(text).unwrap()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_owned(), value.to_owned())
    }

    #[test]
    fn every_separator_java_knows_ends_a_key() {
        let expected = vec![pair("acks", "all")];
        for text in [
            "acks=all",
            "acks:all",
            "acks all",
            "  acks = all  ",
            "acks\t:\tall\r\n",
            "acks =all",
        ] {
            assert_eq!(parse(text), expected, "{text:?}");
        }
        assert_eq!(parse("empty=\nbare"), [pair("empty", ""), pair("bare", "")]);
        assert_eq!(parse("a==b"), [pair("a", "=b")]);
        assert_eq!(
            parse("sasl.jaas.config=x y=\"z\";"),
            [pair("sasl.jaas.config", "x y=\"z\";")]
        );
    }

    #[test]
    fn comments_and_blank_lines_hold_no_entries() {
        assert_eq!(
            parse("# one\n  ! two\n\n \t\nkey=value # kept"),
            [pair("key", "value # kept")]
        );
    }

    #[test]
    fn a_trailing_backslash_continues_the_line_and_two_do_not() {
        assert_eq!(
            parse("hosts=a,\\\n    b,\\\n\tc\nnext=1"),
            [pair("hosts", "a,b,c"), pair("next", "1")]
        );
        assert_eq!(parse("path=c:\\\\\nnext=1"), [pair("path", "c:\\"), pair("next", "1")]);
        assert_eq!(parse("last=x\\"), [pair("last", "x")]);
    }

    #[test]
    fn escapes_are_resolved_and_bad_ones_refused() {
        assert_eq!(parse("a\\ b\\=c=\\u00e9\\t\\q"), [pair("a b=c", "é\tq")]);
        let error = parse_properties("ok=1\nbad=\\u12").unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { line: 2, .. }), "{error}");
    }

    #[test]
    fn the_last_value_of_a_repeated_key_wins() {
        assert_eq!(parse("a=1\nb=2\na=3"), [pair("a", "3"), pair("b", "2")]);
    }

    #[test]
    fn a_misspelt_key_names_the_one_that_was_meant() {
        let known = ["acks", "linger.ms", "batch.size", "min.insync.replicas"];
        assert_eq!(
            nearest("min.in.sync.replicas", known.into_iter()),
            Some("min.insync.replicas")
        );
        assert_eq!(nearest("ack", known.into_iter()), Some("acks"));
        assert_eq!(nearest("completely.different", known.into_iter()), None);
        let error = ConfigError::unknown_key("linger.msec", "producer", known.into_iter());
        assert_eq!(
            error.to_string(),
            "unknown producer configuration `linger.msec`, did you mean `linger.ms`?"
        );
    }
}
