//! `NAME:PARTITIONS:REPLICAS[:KEY=VALUE,..]`

use kafka_sim::Topic;

const FORM: &str = "expected NAME:PARTITIONS:REPLICAS[:KEY=VALUE,..], such as orders:6:3:min.insync.replicas=2";

/// Reads a topic from the command line.
pub(crate) fn parse_topic(text: &str) -> Result<Topic, String> {
    let mut parts = text.splitn(4, ':');
    let name = parts
        .next()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| format!("the name is missing: {FORM}"))?;
    let partitions = number(parts.next(), "number of partitions")?;
    let replicas = number(parts.next(), "number of replicas")?;
    let mut topic = Topic::named(name).partitions(partitions).replicas(replicas);
    if let Some(config) = parts.next() {
        for pair in pairs(config) {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("`{pair}` is not KEY=VALUE: {FORM}"))?;
            topic = topic.config(key.trim(), value.trim());
        }
    }
    Ok(topic)
}

fn number<T: std::str::FromStr + PartialOrd + From<u8>>(text: Option<&str>, what: &str) -> Result<T, String> {
    let text = text.ok_or_else(|| format!("the {what} is missing: {FORM}"))?;
    let number: Option<T> = text.parse().ok();
    number
        .filter(|number| *number >= T::from(1))
        .ok_or_else(|| format!("`{text}` is no {what} from 1 up: {FORM}"))
}

/// Splits at commas. What has no `=` belongs to the value before it, because some values are lists:
/// `cleanup.policy=compact,delete`.
fn pairs(text: &str) -> Vec<String> {
    let mut pairs: Vec<String> = Vec::new();
    for part in text.split(',') {
        match pairs.last_mut() {
            Some(last) if !part.contains('=') => {
                last.push(',');
                last.push_str(part);
            }
            _ => pairs.push(part.to_owned()),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_read_with_all_its_parts() {
        assert_eq!(
            parse_topic("orders:6:3"),
            Ok(Topic::named("orders").partitions(6).replicas(3))
        );
        let expected = Topic::named("o")
            .config("cleanup.policy", "compact,delete")
            .config("retention.ms", "-1");
        assert_eq!(
            parse_topic("o:1:1:cleanup.policy=compact,delete,retention.ms=-1"),
            Ok(expected)
        );
    }

    #[test]
    fn an_error_names_the_bad_part_and_the_expected_form() {
        let bad = [
            ("", "the name is missing"),
            ("orders", "the number of partitions is missing"),
            ("orders:6", "the number of replicas is missing"),
            ("orders:six:3", "`six` is no number of partitions from 1 up"),
            ("orders:0:3", "`0` is no number of partitions from 1 up"),
            ("orders:6:-1", "`-1` is no number of replicas from 1 up"),
            ("orders:6:3:retention.ms", "`retention.ms` is not KEY=VALUE"),
        ];
        for (text, message) in bad {
            assert_eq!(parse_topic(text), Err(format!("{message}: {FORM}")), "{text}");
        }
    }
}
