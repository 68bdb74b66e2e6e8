//! Offsets that nobody needs any more: expired ones, and those of deleted topics.

use super::classic::{Group, State};
use super::shard::Shard;
use super::turn::{Act, Due, Turn};
use super::words::{Committed, Text};

impl Shard {
    /// Arms the sweep of `offsets.retention.check.interval.ms`.
    pub(crate) fn arm_expiry(&mut self, act: &mut Act<'_>) {
        let interval = act.config.offsets_retention_check_interval;
        Turn {
            act,
            core: &mut self.core,
        }
        .set(interval, Due::ExpireOffsets);
    }

    /// Deletes expired offsets, and empty groups that have none left.
    pub(crate) fn expire_offsets(&mut self, act: &mut Act<'_>) {
        self.arm_expiry(act);
        self.offsets.forget_deleted(self.core.high_watermark);
        let retention_ms = i64::try_from(act.config.offsets_retention.as_millis()).unwrap_or(i64::MAX);
        let ids: Vec<Text> = self.groups.keys().chain(self.consumer_groups.keys()).cloned().collect();
        for id in ids {
            let has_expired = |topic: &str, value: &Committed| match self.consumer_groups.get(&id) {
                Some(group) => group.has_expired(topic, value, retention_ms, act.now_ms),
                None => self.groups[&id].has_expired(topic, value, retention_ms, act.now_ms),
            };
            #[cfg(feature = "mutants")]
            let always = act.mutant == Some(crate::mutant::Mutant::OffsetsInUseExpire);
            #[cfg(feature = "mutants")]
            let has_expired = |topic: &str, value: &Committed| {
                has_expired(topic, value) || always && act.now_ms.saturating_sub(value.commit_ms) >= retention_ms
            };
            let expired = |(topic, partition, value): (&Text, i32, &Committed)| {
                has_expired(topic, value).then(|| (topic.clone(), partition))
            };
            let expired: Vec<(Text, i32)> = self.offsets.newest(&id).filter_map(expired).collect();
            let all = expired.len() == self.offsets.newest(&id).count();
            let group_too = all && self.may_go(&id);
            // A sweep that cannot be written is repeated by the next one.
            let _ = self.erase(act, &id, expired, group_too);
        }
    }

    /// A group without members is kept for its offsets only.
    fn may_go(&self, id: &str) -> bool {
        match self.consumer_groups.get(id) {
            Some(group) => group.members.is_empty(),
            None => {
                let group = &self.groups[id];
                group.state == State::Empty && group.pending.is_empty()
            }
        }
    }

    /// Topics were deleted: forgets what was committed for those that `exists` no longer knows.
    pub(crate) fn forget_topics(&mut self, act: &mut Act<'_>, exists: impl Fn(&str) -> bool) {
        let ids: Vec<Text> = self.offsets.groups().cloned().collect();
        for id in ids {
            let gone = self.stored(&id, |topic, _| !exists(topic));
            let _ = self.erase(act, &id, gone, false);
        }
    }
}

impl Group {
    fn has_expired(&self, topic: &str, value: &Committed, retention_ms: i64, now_ms: i64) -> bool {
        let since = match (&self.protocol_type, self.state) {
            (None, _) => value.commit_ms,
            (Some(_), State::Empty) => self.state_since_ms.unwrap_or(value.commit_ms),
            (Some(_), State::Stable) if self.subscriptions().is_some_and(|topics| !topics.contains(topic)) => {
                value.commit_ms
            }
            _ => return false,
        };
        match value.expire_ms {
            Some(at) => now_ms >= at,
            None => now_ms.saturating_sub(since) >= retention_ms,
        }
    }
}
