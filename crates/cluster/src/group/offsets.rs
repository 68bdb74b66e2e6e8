//! Committed offsets of one shard. What is not replicated yet is kept beside what is, because readers only see the
//! latter.

use std::collections::BTreeMap;

use kafka_sim_core::Offset;

use super::words::{Committed, Found, Text, Wanted};

/// By group, topic and partition.
#[derive(Clone, Default, Debug)]
pub(crate) struct Offsets {
    groups: BTreeMap<Text, BTreeMap<Text, BTreeMap<i32, Slot>>>,
}

/// What was written for one partition: the state as of each log end, oldest first. `None` as value is a deletion.
#[derive(Clone, Default, Debug)]
struct Slot {
    versions: Vec<(Offset, Option<Committed>)>,
}

impl Slot {
    fn at(&self, high_watermark: Offset) -> Option<&Committed> {
        let visible = self.versions.iter().rev().find(|(end, _)| *end <= high_watermark)?;
        visible.1.as_ref()
    }

    fn newest(&self) -> Option<&Committed> {
        self.versions.last()?.1.as_ref()
    }

    /// Forgets what later versions below the high watermark have replaced.
    fn settle(&mut self, high_watermark: Offset) {
        let visible = self.versions.iter().rposition(|(end, _)| *end <= high_watermark);
        self.versions.drain(..visible.unwrap_or(0));
    }
}

impl Offsets {
    /// Records a write whose record ends at `end`.
    pub(crate) fn write(
        &mut self,
        group: &Text,
        topic: &Text,
        partition: i32,
        end: Offset,
        value: Option<Committed>,
        high_watermark: Offset,
    ) {
        let topics = self.groups.entry(group.clone()).or_default();
        let slot = topics.entry(topic.clone()).or_default().entry(partition).or_default();
        slot.versions.push((end, value));
        slot.settle(high_watermark);
    }

    /// What readers see as of the high watermark.
    pub(crate) fn read(&self, group: &str, wanted: &Wanted, high_watermark: Offset) -> Found {
        let topics = self.groups.get(group);
        let Some(wanted) = wanted else {
            let all = topics
                .into_iter()
                .flatten()
                .flat_map(|(topic, slots)| slots.iter().map(move |(partition, slot)| (topic, *partition, slot)));
            return all
                .filter_map(|(topic, partition, slot)| {
                    Some((topic.clone(), partition, Some(slot.at(high_watermark)?.clone())))
                })
                .collect();
        };
        let find = |topic: &Text, partition: i32| topics?.get(topic)?.get(&partition)?.at(high_watermark).cloned();
        wanted
            .iter()
            .map(|(topic, partition)| (topic.clone(), *partition, find(topic, *partition)))
            .collect()
    }

    /// The newest offsets of a group, replicated or not.
    pub(crate) fn newest<'a>(&'a self, group: &str) -> impl Iterator<Item = (&'a Text, i32, &'a Committed)> + use<'a> {
        let topics = self.groups.get(group).into_iter().flatten();
        topics.flat_map(|(topic, slots)| {
            slots
                .iter()
                .filter_map(move |(partition, slot)| Some((topic, *partition, slot.newest()?)))
        })
    }

    /// Log end after the newest write for a partition, a deletion included.
    pub(crate) fn newest_end(&self, group: &str, topic: &str, partition: i32) -> Option<Offset> {
        let slot = self.groups.get(group)?.get(topic)?.get(&partition)?;
        slot.versions.last().map(|(end, _)| *end)
    }

    /// Groups that have offsets, or had some not long ago.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Text> {
        self.groups.keys()
    }

    /// Drops deletions that readers see by now.
    pub(crate) fn forget_deleted(&mut self, high_watermark: Offset) {
        self.groups.retain(|_, topics| {
            topics.retain(|_, slots| {
                slots.retain(|_, slot| {
                    slot.settle(high_watermark);
                    slot.versions.len() > 1 || slot.newest().is_some()
                });
                !slots.is_empty()
            });
            !topics.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(offset: Offset) -> Option<Committed> {
        Some(Committed {
            offset,
            leader_epoch: -1,
            metadata: "".into(),
            commit_ms: 0,
            expire_ms: None,
            topic_id: None,
        })
    }

    fn seen(offsets: &Offsets, high_watermark: Offset) -> Vec<Offset> {
        offsets
            .read("g", &None, high_watermark)
            .into_iter()
            .filter_map(|(_, _, value)| Some(value?.offset))
            .collect()
    }

    #[test]
    fn readers_see_the_state_as_of_the_high_watermark() {
        let mut offsets = Offsets::default();
        let (group, topic) = (Text::from("g"), Text::from("t"));
        offsets.write(&group, &topic, 0, 1, committed(10), 0);
        offsets.write(&group, &topic, 0, 2, committed(20), 0);
        offsets.write(&group, &topic, 0, 3, None, 0);
        assert_eq!(seen(&offsets, 0), Vec::<Offset>::new());
        assert_eq!(seen(&offsets, 1), [10]);
        assert_eq!(seen(&offsets, 2), [20]);
        assert_eq!(seen(&offsets, 3), Vec::<Offset>::new());
        assert_eq!(offsets.newest("g").count(), 0);
    }

    #[test]
    fn replaced_versions_are_forgotten() {
        let mut offsets = Offsets::default();
        let (group, topic) = (Text::from("g"), Text::from("t"));
        for end in 1..=1_000 {
            offsets.write(&group, &topic, 0, end, committed(end), end - 1);
        }
        assert_eq!(offsets.groups["g"]["t"][&0].versions.len(), 2);
        offsets.write(&group, &topic, 0, 1_001, None, 1_000);
        offsets.forget_deleted(1_000);
        assert_eq!(offsets.groups().count(), 1);
        offsets.forget_deleted(1_001);
        assert_eq!(offsets.groups().count(), 0);
    }
}
