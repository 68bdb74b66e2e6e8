//! The topics that brokers create for themselves (AutoTopicCreationManager).

use std::sync::Arc;

use crate::config::BrokerConfig;
use crate::peer::NewTopic;

/// Topics that belong to the brokers.
pub const INTERNAL_TOPICS: [&str; 3] = ["__consumer_offsets", "__transaction_state", "__share_group_state"];

/// How an internal topic is to be created; `None` for every other name.
pub fn internal_topic(config: &BrokerConfig, name: &str) -> Option<NewTopic> {
    let (prefix, configs): (&str, &[(&str, &str)]) = match name {
        "__consumer_offsets" => (
            "offsets.topic",
            &[("cleanup.policy", "compact"), ("compression.type", "producer")],
        ),
        "__transaction_state" => (
            "transaction.state.log",
            &[
                ("cleanup.policy", "compact"),
                ("compression.type", "uncompressed"),
                ("unclean.leader.election.enable", "false"),
            ],
        ),
        "__share_group_state" => (
            "share.coordinator.state.topic",
            &[
                ("cleanup.policy", "delete"),
                ("compression.type", "uncompressed"),
                ("retention.ms", "-1"),
            ],
        ),
        _ => return None,
    };
    let setting = |key: &str| config.value(&format!("{prefix}.{key}"));
    let mut configs: Vec<(Arc<str>, Option<Arc<str>>)> = configs
        .iter()
        .map(|(key, value)| (Arc::from(*key), Some(Arc::from(*value))))
        .collect();
    for (key, source) in [("min.insync.replicas", "min.isr"), ("segment.bytes", "segment.bytes")] {
        if let Some(value) = setting(source) {
            configs.push((Arc::from(key), Some(Arc::from(value))));
        }
    }
    Some(NewTopic {
        name: Arc::from(name),
        partitions: setting("num.partitions")?.parse().ok()?,
        replication_factor: setting("replication.factor")?.parse().ok()?,
        assignment: Vec::new(),
        configs,
    })
}
