//! What a configuration key is: its type, range, default and whether it can change at run time (ConfigDef).

/// Largest INT.
pub(super) const INT_MAX: i64 = i32::MAX as i64;
/// Smallest INT.
pub(super) const INT_MIN: i64 = i32::MIN as i64;
/// Largest SHORT.
pub(super) const SHORT_MAX: i64 = i16::MAX as i64;
/// Smallest SHORT.
pub(super) const SHORT_MIN: i64 = i16::MIN as i64;
/// Largest LONG.
pub(super) const MAX: i64 = i64::MAX;
/// Smallest LONG.
pub(super) const MIN: i64 = i64::MIN;

/// Type and range of a key's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `true` or `false`, in any case.
    Bool,
    /// Any text.
    Text,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// 32-bit integer within these bounds.
    Int(i64, i64),
    /// 16-bit integer within these bounds.
    Short(i64, i64),
    /// 64-bit integer within these bounds.
    Long(i64, i64),
    /// Decimal number; kept as text, because the machine computes with integers only.
    Double,
    /// Decimal number from 0 to 1.
    Ratio,
    /// Comma-separated list; of these texts if there are any.
    List(&'static [&'static str]),
    /// `*`, or a list of `partition:broker`.
    ThrottledReplicas,
    /// Name of a Java class.
    Class,
    /// Text that is never shown.
    Password,
}

impl Kind {
    /// The type number of DescribeConfigs.
    pub fn wire_type(self) -> i8 {
        match self {
            Kind::Bool => 1,
            Kind::Text | Kind::Choice(_) => 2,
            Kind::Int(..) => 3,
            Kind::Short(..) => 4,
            Kind::Long(..) => 5,
            Kind::Double | Kind::Ratio => 6,
            Kind::List(_) | Kind::ThrottledReplicas => 7,
            Kind::Class => 8,
            Kind::Password => 9,
        }
    }

    /// Lists can be appended to and subtracted from.
    pub fn is_list(self) -> bool {
        matches!(self, Kind::List(_) | Kind::ThrottledReplicas)
    }

    /// Whether `value` has this type and lies in its range.
    pub fn accepts(self, value: &str) -> bool {
        let value = value.trim();
        match self {
            Kind::Bool => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            Kind::Text | Kind::Class | Kind::Password | Kind::List([]) => true,
            Kind::Choice(choices) => choices.contains(&value),
            Kind::Int(min, max) | Kind::Short(min, max) | Kind::Long(min, max) => {
                value.parse::<i64>().is_ok_and(|number| (min..=max).contains(&number))
            }
            Kind::Double => parts_per_million(value).is_some(),
            Kind::Ratio => parts_per_million(value).is_some_and(|ppm| ppm <= 1_000_000),
            Kind::List(choices) => list_is_drawn_from(value, choices),
            Kind::ThrottledReplicas => is_throttled_replicas(value),
        }
    }

    /// What a valid value looks like, for error messages.
    pub fn expected(self) -> String {
        match self {
            Kind::Bool => "true or false".to_owned(),
            Kind::Text | Kind::List([]) => "text".to_owned(),
            Kind::Choice(choices) => format!("one of {}", choices.join(", ")),
            Kind::Int(min, max) | Kind::Short(min, max) | Kind::Long(min, max) => {
                format!("a whole number from {min} to {max}")
            }
            Kind::Double => "a number".to_owned(),
            Kind::Ratio => "a number from 0 to 1".to_owned(),
            Kind::List(choices) => format!("a list of different values out of {}", choices.join(", ")),
            Kind::ThrottledReplicas => "*, or [partitionId]:[brokerId],[partitionId]:[brokerId],...".to_owned(),
            Kind::Class => "the name of a class".to_owned(),
            Kind::Password => "a password".to_owned(),
        }
    }
}

/// Kafka 4.2 refuses values that are listed twice.
fn list_is_drawn_from(value: &str, choices: &[&str]) -> bool {
    let items: Vec<&str> = list_items(value).collect();
    items
        .iter()
        .enumerate()
        .all(|(at, item)| choices.contains(item) && !items[..at].contains(item))
}

fn is_throttled_replicas(value: &str) -> bool {
    value == "*"
        || list_items(value).all(|item| {
            item.split_once(':')
                .is_some_and(|(partition, broker)| partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok())
        })
}

/// The items of a list value, without the empty ones.
pub fn list_items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A non-negative decimal number in millionths, rounded down and saturating. An exponent only has to be well formed
/// and makes the number saturate, because no key the simulator computes with is written that way.
pub fn parts_per_million(value: &str) -> Option<u64> {
    if let Some((mantissa, exponent)) = value.split_once(['e', 'E']) {
        exponent.parse::<i32>().ok()?;
        parts_per_million(mantissa)?;
        return Some(u64::MAX);
    }
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if (whole.is_empty() && fraction.is_empty()) || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let millionths = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let millionths = millionths.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(whole.saturating_mul(1_000_000).saturating_add(millionths))
}

/// A key of a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyDef {
    /// Kafka's name.
    pub name: &'static str,
    /// Type and range.
    pub kind: Kind,
    /// Value when nobody sets one; `None` where Kafka has none either.
    pub default: Option<&'static str>,
    /// Can change while the broker runs; all others are read-only.
    pub dynamic: bool,
}

impl KeyDef {
    const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Self {
            name,
            kind,
            default: Some(default),
            dynamic: false,
        }
    }

    /// Without a default.
    pub(super) const fn unset(mut self) -> Self {
        self.default = None;
        self
    }

    /// Changeable at run time.
    pub(super) const fn dynamic(mut self) -> Self {
        self.dynamic = true;
        self
    }
}

/// A key of a topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicKeyDef {
    /// Name, type and default.
    pub key: KeyDef,
    /// Broker keys that set the default, the strongest first (ServerTopicConfigSynonyms).
    pub synonyms: &'static [&'static str],
}

pub(super) const fn topic(key: KeyDef, synonyms: &'static [&'static str]) -> TopicKeyDef {
    TopicKeyDef { key, synonyms }
}

pub(super) const fn int(name: &'static str, min: i64, max: i64, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Int(min, max), default)
}

pub(super) const fn short(name: &'static str, min: i64, max: i64, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Short(min, max), default)
}

pub(super) const fn long(name: &'static str, min: i64, max: i64, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Long(min, max), default)
}

pub(super) const fn flag(name: &'static str, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Bool, default)
}

pub(super) const fn text(name: &'static str, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Text, default)
}

pub(super) const fn class(name: &'static str, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Class, default)
}

pub(super) const fn double(name: &'static str, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Double, default)
}

pub(super) const fn ratio(name: &'static str, default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Ratio, default)
}

pub(super) const fn choice(name: &'static str, choices: &'static [&'static str], default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Choice(choices), default)
}

pub(super) const fn list(name: &'static str, choices: &'static [&'static str], default: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::List(choices), default)
}

pub(super) const fn throttled(name: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::ThrottledReplicas, "")
}

pub(super) const fn password(name: &'static str) -> KeyDef {
    KeyDef::new(name, Kind::Password, "").unset()
}
