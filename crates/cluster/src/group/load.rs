//! Rebuilding a shard from the log of its partition (CoordinatorLoader).

use kafka_sim_core::Offset;

use super::classic::{Group, State};
use super::consumer::{ConsumerGroup, ConsumerMember, Deadline};
use super::records::{Change, Record};
use super::shard::Shard;
use super::turn::{Act, Turn};
use super::words::Text;

impl Shard {
    /// A shard that knows nothing yet; readers will see what lies below `high_watermark`.
    pub(crate) fn unloaded(high_watermark: Offset) -> Shard {
        let mut shard = Shard::default();
        shard.core.high_watermark = high_watermark;
        shard
    }

    /// Applies one record of the log; `end` is the offset after it.
    pub(crate) fn replay(&mut self, end: Offset, record: Record) {
        self.core.written = self.core.written.max(end);
        match record {
            Record::Offset {
                group,
                topic,
                partition,
                value,
            } => {
                if value.is_some() && !self.consumer_groups.contains_key(&group) {
                    self.groups
                        .entry(group.clone())
                        .or_insert_with(|| Group::new(group.clone(), end));
                }
                self.offsets
                    .write(&group, &topic, partition, end, value, self.core.high_watermark);
            }
            Record::Consumer { group, change } => self.replay_consumer(end, group, change),
            Record::Group {
                group,
                value: Some(value),
            } => {
                self.consumer_groups.remove(&group);
                let exists_from = self.groups.get(&group).map_or(end, |known| known.exists_from);
                self.groups
                    .insert(group.clone(), Group::restored(group, &value, exists_from));
            }
            Record::Group { group, value: None } => {
                self.groups.remove(&group);
            }
        }
    }

    /// The first record of a consumer group takes the place of a classic one, which had only offsets.
    fn replay_consumer(&mut self, end: Offset, id: Text, change: Change) {
        if change.is_tombstone() && !self.consumer_groups.contains_key(&id) {
            return;
        }
        let group = self.consumer_groups.entry(id.clone()).or_insert_with(|| {
            let mut group = ConsumerGroup::new(id.clone());
            group.exists_from = self.groups.remove(&id).map_or(end, |classic| classic.exists_from);
            group
        });
        if !group.apply(change) {
            self.consumer_groups.remove(&id);
        }
    }

    /// The whole log is applied. Every member's session begins anew.
    pub(crate) fn loaded(&mut self, act: &mut Act<'_>) {
        self.offsets.forget_deleted(self.core.high_watermark);
        self.arm_expiry(act);
        self.core.topics_version = act.version;
        let mut turn = Turn {
            act,
            core: &mut self.core,
        };
        let limit = usize::try_from(turn.act.config.group_max_size).unwrap_or(usize::MAX);
        for group in self.groups.values_mut() {
            let ids: Vec<Text> = group.members.keys().cloned().collect();
            for id in &ids {
                group.refresh(&mut turn, id);
            }
            // The limit was lowered meanwhile: whoever comes first stays.
            if group.state == State::Stable && ids.len() > limit {
                group.rebalance_or_complete(&mut turn);
            }
        }
        for group in self.consumer_groups.values_mut() {
            let members: Vec<ConsumerMember> = group.members.values().cloned().collect();
            for member in members {
                let session_ms = group.session_ms(&member.id, turn.act.config, turn.act.image);
                group.set_deadline(&mut turn, &member.id, Deadline::Session, session_ms);
                group.watch_revocation(&mut turn, &member);
            }
        }
    }
}
