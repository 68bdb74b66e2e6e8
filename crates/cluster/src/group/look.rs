//! What tools are shown: ListGroups and DescribeGroups.

use super::shard::Shard;
use super::words::{Described, Listed, Text};

impl Shard {
    /// Groups whose existence is replicated.
    pub(crate) fn list(&self) -> impl Iterator<Item = Listed> {
        let replicated = self
            .groups
            .values()
            .filter(|group| group.exists_from <= self.core.high_watermark);
        replicated.map(|group| Listed {
            group: group.id.clone(),
            protocol_type: group.protocol_type.clone().unwrap_or_else(|| Text::from("")),
            state: group.state.name(),
        })
    }

    /// One group, if its existence is replicated.
    pub(crate) fn describe(&self, id: &str) -> Option<Described> {
        let group = self
            .groups
            .get(id)
            .filter(|group| group.exists_from <= self.core.high_watermark)?;
        Some(group.described())
    }
}
