//! The hash of the topics a group reads (KIP-1101): the group's epoch rises when it changes.

use std::collections::{BTreeMap, BTreeSet};

use twox_hash::XxHash3_64;

use super::super::shard::Shard;
use super::super::words::Text;
use crate::peer::{MetadataImage, TopicState};

/// Precedes what is hashed of a topic.
const MAGIC: u8 = 0;

/// Hashes of topics by name, as long as they do not change.
#[derive(Clone, Default, Debug)]
pub(crate) struct TopicHashes {
    known: BTreeMap<Text, u64>,
}

impl TopicHashes {
    /// The topic has changed, or is gone.
    pub(crate) fn forget(&mut self, topic: &str) {
        self.known.remove(topic);
    }

    /// The hash of these topics, in order of their names. Those that do not exist do not count.
    pub(crate) fn of_group<'a>(&mut self, topics: impl Iterator<Item = &'a Text>, image: &MetadataImage) -> u64 {
        let mut content = Vec::new();
        for name in topics {
            if let Some(hash) = self.of_topic(name, image) {
                content.extend_from_slice(&hash.to_le_bytes());
            }
        }
        if content.is_empty() {
            return 0;
        }
        XxHash3_64::oneshot(&content)
    }

    fn of_topic(&mut self, name: &Text, image: &MetadataImage) -> Option<u64> {
        if let Some(hash) = self.known.get(name) {
            return Some(*hash);
        }
        let hash = hash(image.topic_named(name)?, image);
        self.known.insert(name.clone(), hash);
        Some(hash)
    }
}

impl Shard {
    /// These topics have appeared, changed or gone; `version` is that of the metadata if some of them are new.
    pub(crate) fn topics_changed(&mut self, names: &BTreeSet<Text>, version: Option<i64>) {
        for name in names {
            self.core.hashes.forget(name);
        }
        for group in self.consumer_groups.values_mut() {
            group.is_stale |= names.iter().any(|name| group.is_subscribed_to(name));
        }
        if let Some(version) = version {
            self.core.topics_version = version;
        }
    }
}

/// Numbers are hashed with the lowest byte first, texts as UTF-16 followed by their length.
fn hash(topic: &TopicState, image: &MetadataImage) -> u64 {
    let mut content = vec![MAGIC];
    let (high, low) = topic.id.as_u64_pair();
    content.extend_from_slice(&high.to_le_bytes());
    content.extend_from_slice(&low.to_le_bytes());
    put_text(&mut content, &topic.name);
    put_number(&mut content, topic.partitions.len());
    for (index, partition) in topic.partitions.iter().enumerate() {
        put_number(&mut content, index);
        let rack = |id| image.brokers.get(id).and_then(|broker| broker.rack.as_ref());
        let mut racks: Vec<_> = partition.replicas.iter().filter_map(rack).collect();
        racks.sort();
        for rack in racks {
            put_number(&mut content, rack.encode_utf16().count());
            put_text(&mut content, rack);
        }
    }
    XxHash3_64::oneshot(&content)
}

fn put_number(content: &mut Vec<u8>, number: usize) {
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    content.extend_from_slice(&number.to_le_bytes());
}

fn put_text(content: &mut Vec<u8>, text: &str) {
    let mut units = 0;
    for unit in text.encode_utf16() {
        content.extend_from_slice(&unit.to_le_bytes());
        units += 1;
    }
    put_number(content, units);
}
