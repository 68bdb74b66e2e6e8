//! What the client knows about the cluster, as in Kafka's `Metadata` and `MetadataSnapshot`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use kafka_protocol::messages::{MetadataRequest, metadata_request::MetadataRequestTopic};
use kafka_sim_core::{
    ErrorCode, SimRng, SimTime, SmallMap, TopicPartition,
    wire::{ClusterMetadata, PartitionMetadata, StrBytes, TopicMetadata},
};
use uuid::Uuid;

use super::{link::Node, pattern::TopicPattern};
use crate::{backoff::Backoff, config::NetworkConfig};

/// One partition as metadata shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionInfo {
    pub(crate) leader: Option<i32>,
    /// Leader epoch, or -1 where the broker does not tell (Metadata below version 7).
    pub(crate) leader_epoch: i32,
    pub(crate) offline: Vec<i32>,
}

/// One topic as metadata shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TopicInfo {
    pub(crate) error: ErrorCode,
    /// Nil where the broker does not tell (Metadata below version 10).
    pub(crate) id: Uuid,
    pub(crate) partitions: SmallMap<i32, PartitionInfo>,
}

/// The snapshot and the rules for refreshing it.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    /// Topics in use. Divergence: the Java producer forgets a topic after `metadata.max.idle.ms`.
    wanted: BTreeSet<Arc<str>>,
    /// With a pattern, all topics are asked for, and those that match are kept.
    pattern: Option<TopicPattern>,
    allow_auto_create: bool,
    nodes: SmallMap<i32, Node>,
    topics: SmallMap<Arc<str>, TopicInfo>,
    /// Newest leader epoch ever seen: older metadata does not replace newer (KIP-320).
    last_epochs: SmallMap<TopicPartition, i32>,
    update_wanted: bool,
    /// Topics became of interest that no request has named.
    unasked: bool,
    /// The snapshot answers a request for everything of interest.
    complete: bool,
    /// When it is too old.
    expires_at: SimTime,
    failures: u32,
    equal_answers: u32,
    allowed_at: SimTime,
    backoff: Backoff,
    max_age: Duration,
    /// Counts answers and leaders taken in.
    pub(crate) version: u64,
    /// Counts everything that changes what the snapshot shows.
    edition: u64,
}

impl Metadata {
    pub(crate) fn new(config: &NetworkConfig, bootstrap: &[Node], allow_auto_create: bool) -> Metadata {
        Metadata {
            wanted: BTreeSet::new(),
            pattern: None,
            allow_auto_create,
            nodes: by_id(bootstrap),
            topics: SmallMap::new(),
            last_epochs: SmallMap::new(),
            update_wanted: true,
            unasked: false,
            complete: true,
            expires_at: SimTime::ZERO + config.metadata_max_age,
            failures: 0,
            equal_answers: 0,
            allowed_at: SimTime::ZERO,
            backoff: Backoff::new(config.retry_backoff, config.retry_backoff_max),
            max_age: config.metadata_max_age,
            version: 0,
            edition: 0,
        }
    }

    /// Topics in use from now on, and the pattern after which to look for more. What is new is looked up at once.
    pub(crate) fn want_only(&mut self, topics: BTreeSet<Arc<str>>, pattern: Option<TopicPattern>) {
        let more = topics.iter().any(|topic| !self.wanted.contains(topic));
        if more || self.pattern != pattern {
            self.want_soon();
        }
        self.topics.retain(|topic, _| {
            topics.contains(topic) || pattern.as_ref().is_some_and(|pattern| pattern.matches(topic))
        });
        self.edition += 1;
        self.wanted = topics;
        self.pattern = pattern;
    }

    /// Topics the snapshot knows without an error.
    pub(crate) fn known_topics(&self) -> impl Iterator<Item = (&Arc<str>, &TopicInfo)> {
        self.topics.iter().filter(|(_, info)| info.error.is_ok())
    }

    /// Whether an answer named everything of interest.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether no back-off stands in the way of a refresh.
    pub(crate) fn may_refresh(&self, now: SimTime) -> bool {
        self.allowed_at <= now
    }

    /// Names a topic as used. A new one is looked up at once, whatever back-off is running.
    pub(crate) fn want(&mut self, topic: &Arc<str>) {
        if !self.wanted.contains(topic) {
            self.wanted.insert(topic.clone());
            self.want_soon();
        }
    }

    fn want_soon(&mut self) {
        self.update_wanted = true;
        self.unasked = true;
        self.complete = false;
        self.equal_answers = 0;
        self.allowed_at = SimTime::ZERO;
    }

    /// Something suggests that the snapshot is old.
    pub(crate) fn request_update(&mut self) {
        self.update_wanted = true;
    }

    /// When the next refresh is due; the moment may have passed.
    #[inline]
    pub(crate) fn due_at(&self) -> SimTime {
        if self.update_wanted {
            self.allowed_at
        } else {
            self.expires_at.max(self.allowed_at)
        }
    }

    /// A refresh failed.
    pub(crate) fn failed(&mut self, now: SimTime, rng: &mut SimRng) {
        self.failures = self.failures.saturating_add(1);
        self.refreshed(now, rng);
    }

    fn refreshed(&mut self, now: SimTime, rng: &mut SimRng) {
        let mut pause = self.backoff.pause(self.failures.saturating_sub(1), rng);
        if self.equal_answers > 0 {
            pause = pause.max(self.backoff.pause(self.equal_answers - 1, rng));
        }
        self.allowed_at = now + pause;
    }

    /// Falls back to the bootstrap list (KIP-899). Leader epochs stay known.
    pub(crate) fn rebootstrap(&mut self, bootstrap: &[Node]) {
        self.nodes = by_id(bootstrap);
        self.topics.clear();
        self.update_wanted = true;
        self.version += 1;
        self.edition += 1;
    }

    /// The request for all topics in use.
    pub(crate) fn request(&mut self, version: i16) -> MetadataRequest {
        self.unasked = false;
        let topics = self.wanted.iter().map(|topic| {
            MetadataRequestTopic::default().with_name(Some(StrBytes::from_string(topic.to_string()).into()))
        });
        // No list asks for all topics; in version 0 an empty one does.
        let topics = match (&self.pattern, version) {
            (None, _) => Some(topics.collect()),
            (Some(_), 0) => Some(Vec::new()),
            (Some(_), _) => None,
        };
        MetadataRequest::default()
            .with_topics(topics)
            // Before version 4 a request could not ask for less.
            .with_allow_auto_topic_creation(self.allow_auto_create || version < 4)
    }

    /// Takes an answer in. An answer without brokers counts as a failure.
    pub(crate) fn update(&mut self, response: ClusterMetadata, now: SimTime, rng: &mut SimRng) {
        if response.brokers.is_empty() {
            self.failed(now, rng);
            return;
        }
        self.failures = 0;
        self.update_wanted = self.unasked;
        self.complete = !self.unasked;
        self.equal_answers = self.equal_answers.saturating_add(1);
        self.expires_at = now + self.max_age;
        self.version += 1;
        self.edition += 1;
        self.nodes = response
            .brokers
            .iter()
            .filter_map(|broker| node(broker.id, &broker.host, broker.port))
            .map(|node| (node.id, node))
            .collect();
        let old = std::mem::take(&mut self.topics);
        for topic in response.topics {
            self.take_topic(topic, &old);
        }
        self.refreshed(now, rng);
        if self.unasked {
            self.allowed_at = SimTime::ZERO;
        }
    }

    fn take_topic(&mut self, topic: TopicMetadata, old: &SmallMap<Arc<str>, TopicInfo>) {
        let Some(name) = topic.name.as_ref().and_then(|name| self.kept(name, topic.is_internal)) else {
            return;
        };
        let error = ErrorCode::from(topic.error_code);
        if !error.is_ok() {
            self.update_wanted |= error.is_invalid_metadata();
            // The snapshot loses the topic's partitions, as in the Java client.
            self.topics.insert(
                name,
                TopicInfo {
                    error,
                    ..TopicInfo::default()
                },
            );
            return;
        }
        // Also a topic that the snapshot has lost sight of, as in the Java client: it may have been created anew.
        let recreated = !topic.id.is_nil() && old.get(&name).is_none_or(|before| before.id != topic.id);
        let mut info = TopicInfo {
            error,
            id: topic.id,
            partitions: SmallMap::new(),
        };
        for partition in topic.partitions {
            self.update_wanted |= ErrorCode::from(partition.error_code).is_invalid_metadata();
            let key = TopicPartition::new(name.clone(), partition.index);
            let before = old.get(&name).and_then(|topic| topic.partitions.get(&key.partition));
            if let Some(taken) = self.newer_of(&key, partition, before, recreated) {
                info.partitions.insert(key.partition, taken);
            }
        }
        self.topics.insert(name, info);
    }

    /// The name, if the topic is of interest.
    fn kept(&self, name: &str, internal: bool) -> Option<Arc<str>> {
        let matched = |pattern: &TopicPattern| pattern.takes(name, internal).then(|| Arc::from(name));
        let wanted = self.wanted.get(name).cloned();
        wanted.or_else(|| self.pattern.as_ref().and_then(matched))
    }

    /// The entry to keep: the new one, unless its leader epoch is older than one seen before.
    fn newer_of(
        &mut self,
        key: &TopicPartition,
        entry: PartitionMetadata,
        before: Option<&PartitionInfo>,
        recreated: bool,
    ) -> Option<PartitionInfo> {
        let epoch = entry.leader_epoch;
        if epoch < 0 {
            self.last_epochs.remove(key);
            self.equal_answers = 0;
        } else {
            match self.last_epochs.get(key) {
                Some(&seen) if !recreated && epoch < seen => return before.cloned(),
                Some(&seen) if !recreated && epoch == seen => {}
                _ => {
                    self.last_epochs.insert(key.clone(), epoch);
                    self.equal_answers = 0;
                }
            }
        }
        Some(PartitionInfo {
            leader: (entry.leader >= 0).then_some(entry.leader),
            leader_epoch: epoch,
            offline: entry.offline,
        })
    }

    /// Takes a leader named in an error answer (KIP-951). Returns whether it was news.
    pub(crate) fn take_leader(
        &mut self,
        partition: &TopicPartition,
        leader: i32,
        epoch: i32,
        endpoints: &[Node],
    ) -> bool {
        if leader < 0 || epoch < 0 {
            return false;
        }
        let known = self
            .topics
            .get_mut(&partition.topic)
            .and_then(|topic| topic.partitions.get_mut(&partition.partition));
        let Some(info) = known else { return false };
        let named = endpoints.iter().find(|node| node.id == leader);
        if info.leader_epoch >= epoch || (named.is_none() && !self.nodes.contains_key(&leader)) {
            return false;
        }
        info.leader = Some(leader);
        info.leader_epoch = epoch;
        self.last_epochs.insert(partition.clone(), epoch);
        if let Some(node) = named {
            self.nodes.insert(leader, node.clone());
        }
        self.version += 1;
        self.edition += 1;
        true
    }

    /// Which edition of the snapshot this is: as long as it stays the same, everything looked up stays the same.
    pub(crate) fn edition(&self) -> u64 {
        self.edition
    }

    pub(crate) fn nodes(&self) -> &SmallMap<i32, Node> {
        &self.nodes
    }

    pub(crate) fn topic(&self, topic: &str) -> Option<&TopicInfo> {
        self.topics.get(topic)
    }

    pub(crate) fn partition(&self, partition: &TopicPartition) -> Option<&PartitionInfo> {
        self.topics.get(&partition.topic)?.partitions.get(&partition.partition)
    }

    /// The partition's leader, if it is known and its address too.
    pub(crate) fn leader(&self, partition: &TopicPartition) -> Option<i32> {
        self.led(partition).map(|(leader, _)| leader)
    }

    /// The partition with its leader, if that is known and its address too.
    pub(crate) fn led(&self, partition: &TopicPartition) -> Option<(i32, &PartitionInfo)> {
        let info = self.partition(partition)?;
        let leader = info.leader?;
        self.nodes.contains_key(&leader).then_some((leader, info))
    }
}

/// A node from its wire form, if the port is one.
pub(crate) fn node(id: i32, host: &StrBytes, port: i32) -> Option<Node> {
    let port = u16::try_from(port).ok()?;
    Some(Node {
        id,
        host: host.as_str().into(),
        port,
    })
}

fn by_id(nodes: &[Node]) -> SmallMap<i32, Node> {
    nodes.iter().map(|node| (node.id, node.clone())).collect()
}
