//! What tools are shown: ListGroups, DescribeGroups and ConsumerGroupDescribe.

use kafka_sim_core::Offset;

use super::consumer::ConsumerGroup;
use super::shard::Shard;
use super::words::{Described, Listed, Text};

impl Shard {
    /// Groups whose existence is replicated.
    pub(crate) fn list(&self) -> impl Iterator<Item = Listed> {
        let classic = self.groups.values().filter(|group| self.shows(group.exists_from));
        let classic = classic.map(|group| Listed {
            group: group.id.clone(),
            protocol_type: group.protocol_type.clone().unwrap_or_else(|| Text::from("")),
            state: group.state.name(),
            kind: "classic",
        });
        let consumer = self.consumer_groups.values();
        let consumer = consumer.filter(|group| self.shows(group.exists_from));
        classic.chain(consumer.map(|group| Listed {
            group: group.id.clone(),
            protocol_type: Text::from("consumer"),
            state: group.state(),
            kind: "consumer",
        }))
    }

    /// One classic group, if its existence is replicated, or why it is not shown.
    pub(crate) fn describe(&self, id: &str) -> Result<Described, String> {
        let group = self.groups.get(id).filter(|group| self.shows(group.exists_from));
        match group {
            Some(group) => Ok(group.described()),
            None if self.consumer_groups.contains_key(id) => Err(format!("Group {id} is not a classic group.")),
            None => Err(format!("Group {id} not found.")),
        }
    }

    /// One consumer group, if its existence is replicated, or why it is not shown.
    pub(crate) fn consumer_group(&self, id: &str) -> Result<&ConsumerGroup, String> {
        let group = self.consumer_groups.get(id);
        match group.filter(|group| self.shows(group.exists_from)) {
            Some(group) => Ok(group),
            None if self.groups.contains_key(id) => Err(format!("Group {id} is not a consumer group.")),
            None => Err(format!("Group {id} not found.")),
        }
    }

    fn shows(&self, exists_from: Offset) -> bool {
        exists_from <= self.core.high_watermark
    }
}
