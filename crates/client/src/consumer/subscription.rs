//! What the application wants to read, as Kafka's `SubscriptionState`.

use std::{collections::BTreeSet, sync::Arc};

use super::Consumer;
use crate::network::TopicPattern;

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) enum Subscription {
    Nothing,
    /// Partitions given by the application.
    Assigned,
    Topics(BTreeSet<Arc<str>>),
    /// The topics that match, as far as is known.
    Pattern {
        pattern: TopicPattern,
        matched: BTreeSet<Arc<str>>,
    },
}

impl Subscription {
    /// Whether the group decides what is read.
    pub(super) fn is_by_group(&self) -> bool {
        matches!(self, Subscription::Topics(_) | Subscription::Pattern { .. })
    }

    /// The topics subscribed to.
    pub(super) fn topics(&self) -> BTreeSet<Arc<str>> {
        match self {
            Subscription::Topics(topics) | Subscription::Pattern { matched: topics, .. } => topics.clone(),
            Subscription::Nothing | Subscription::Assigned => BTreeSet::new(),
        }
    }

    /// Whether these are the topics subscribed to.
    pub(super) fn is_for(&self, wanted: &BTreeSet<Arc<str>>) -> bool {
        match self {
            Subscription::Topics(topics) | Subscription::Pattern { matched: topics, .. } => topics == wanted,
            Subscription::Nothing | Subscription::Assigned => wanted.is_empty(),
        }
    }

    /// Whether partitions of a topic may be assigned.
    pub(super) fn takes(&self, topic: &str) -> bool {
        match self {
            Subscription::Topics(topics) => topics.contains(topic),
            Subscription::Pattern { pattern, .. } => pattern.matches(topic),
            Subscription::Nothing | Subscription::Assigned => false,
        }
    }
}

impl Consumer {
    /// Asks metadata for the topics in use: those of the whole group where this member leads it.
    pub(super) fn want_topics(&mut self) {
        let mut topics = match &self.subscription {
            Subscription::Assigned => self.assignment().map(|partition| partition.topic.clone()).collect(),
            other => other.topics(),
        };
        let pattern = match &self.subscription {
            Subscription::Pattern { pattern, .. } => Some(pattern.clone()),
            _ => None,
        };
        if self.subscription.is_by_group() {
            topics.extend(self.member.group_topics.iter().cloned());
        }
        self.reader.network.metadata.want_only(topics, pattern);
    }

    /// Looks whether metadata has news: topics that match the pattern, partitions that were added.
    pub(super) fn note_metadata(&mut self) {
        let metadata = &self.reader.network.metadata;
        if metadata.version == self.member.seen_metadata {
            return;
        }
        self.member.seen_metadata = metadata.version;
        if let Subscription::Pattern { pattern, matched } = &mut self.subscription {
            let known = metadata.known_topics().map(|(topic, _)| topic);
            *matched = known.filter(|topic| pattern.matches(topic)).cloned().collect();
        }
        let mut topics = self.subscription.topics();
        topics.extend(self.member.group_topics.iter().cloned());
        let known = metadata.known_topics().filter(|(topic, _)| topics.contains(*topic));
        self.member.snapshot = known
            .map(|(topic, info)| (topic.clone(), info.partitions.len()))
            .collect();
    }
}
