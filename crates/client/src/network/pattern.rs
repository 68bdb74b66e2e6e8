//! A regular expression that topic names are matched with.

use kafka_sim_core::ConfigError;
use regex::bytes::{Regex, RegexBuilder};

/// A pattern a consumer is subscribed to.
#[derive(Clone, Debug)]
pub struct TopicPattern {
    text: String,
    regex: Regex,
    exclude_internal: bool,
}

impl TopicPattern {
    /// A pattern that has to match whole names. Internal topics can be left out whatever their names.
    ///
    /// # Errors
    /// What is no regular expression.
    pub fn new(text: &str, exclude_internal: bool) -> Result<TopicPattern, ConfigError> {
        // Topic names are ASCII, and so are Java's classes like `\w`.
        let regex = RegexBuilder::new(&format!("^(?:{text})$"))
            .unicode(false)
            .build()
            .map_err(|_| ConfigError::invalid_value("topic pattern", text, "a regular expression"))?;
        Ok(TopicPattern {
            text: text.to_owned(),
            regex,
            exclude_internal,
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The whole name matches.
    pub fn matches(&self, topic: &str) -> bool {
        self.regex.is_match(topic.as_bytes())
    }

    /// Whether a topic of that name is subscribed to.
    pub(crate) fn takes(&self, topic: &str, internal: bool) -> bool {
        !(internal && self.exclude_internal) && self.matches(topic)
    }
}

impl PartialEq for TopicPattern {
    fn eq(&self, other: &TopicPattern) -> bool {
        self.text == other.text && self.exclude_internal == other.exclude_internal
    }
}
