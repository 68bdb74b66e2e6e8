//! One record as the members of one group saw it.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafka_sim_check::{Completion, History, Observation};

/// Everything that a group did with the partition of a record, as far as it matters for that record. Instants are
/// nanoseconds.
pub(super) struct Followed {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// When it was given to a member, and to which reader.
    pub(super) given: Vec<(u64, u32)>,
    /// When a member had finished with it.
    pub(super) processed: Vec<(u64, u32)>,
    /// Records of the partition behind it that were given to a member: when, to whom, at which offset.
    pub(super) given_behind: Vec<(u64, u32, i64)>,
    /// Commits that succeeded: when, by whom, which offset.
    pub(super) commits: Vec<(u64, u32, i64)>,
    /// When members went: their processes died, or they gave the partition up.
    pub(super) gone: Vec<(u64, u32)>,
    /// Members that died or closed.
    pub(super) died: Vec<(u64, u32)>,
    /// When consumers joined.
    pub(super) joined: Vec<(u64, u32)>,
    /// When the topic was created anew, if ever. What members did before is forgotten.
    pub(super) recreated: Option<u64>,
    /// When members were given a new position in the partition.
    pub(super) repositioned: Vec<(u64, u32)>,
}

impl Followed {
    pub(super) fn of(history: &History, group: &str, topic: &str, partition: i32, offset: i64) -> Followed {
        let mut followed = Followed {
            topic: topic.into(),
            partition,
            offset,
            given: Vec::new(),
            processed: Vec::new(),
            given_behind: Vec::new(),
            commits: Vec::new(),
            gone: Vec::new(),
            died: Vec::new(),
            joined: Vec::new(),
            recreated: None,
            repositioned: Vec::new(),
        };
        let mut members = BTreeSet::new();
        for observation in history.observations() {
            followed.take(&observation, group, &mut members);
        }
        followed
    }

    fn take(&mut self, observation: &Observation, group: &str, members: &mut BTreeSet<u32>) {
        let here = |topic: &str, partition: i32| *topic == *self.topic && partition == self.partition;
        match observation {
            Observation::Joined {
                at,
                reader,
                group: joined,
            } if **joined == *group => {
                members.insert(*reader);
                self.joined.push((*at, *reader));
            }
            Observation::Read {
                at,
                reader,
                topic,
                partition,
                offset,
                ..
            } if members.contains(reader) && here(topic, *partition) => {
                if *offset == self.offset {
                    self.given.push((*at, *reader));
                } else if *offset > self.offset {
                    self.given_behind.push((*at, *reader, *offset));
                }
            }
            Observation::Processed {
                at,
                reader,
                topic,
                partition,
                offset,
                ..
            } if members.contains(reader) && here(topic, *partition) && *offset == self.offset => {
                self.processed.push((*at, *reader));
            }
            Observation::Committed {
                at,
                reader,
                topic,
                partition,
                offset,
                completion: Completion::Ok,
            } if members.contains(reader) && here(topic, *partition) => {
                self.commits.push((*at, *reader, *offset));
            }
            Observation::TopicRecreated { at, topic } if **topic == *self.topic => {
                self.given.clear();
                self.processed.clear();
                self.given_behind.clear();
                self.commits.clear();
                self.repositioned.clear();
                self.recreated = Some(*at);
            }
            Observation::Repositioned {
                at,
                reader,
                topic,
                partition,
            } if members.contains(reader) && here(topic, *partition) => self.repositioned.push((*at, *reader)),
            Observation::Released {
                at,
                reader,
                topic,
                partition,
            } if members.contains(reader) && here(topic, *partition) => self.gone.push((*at, *reader)),
            Observation::Died { at, reader } if members.contains(reader) => {
                self.gone.push((*at, *reader));
                self.died.push((*at, *reader));
            }
            _ => {}
        }
    }

    /// Who finished with it first.
    pub(super) fn processed_by(&self) -> Option<u32> {
        self.processed.first().map(|(_, reader)| *reader)
    }

    /// The first commit that passes the record.
    pub(super) fn passing_commit(&self) -> Option<(u64, u32, i64)> {
        self.commits.iter().copied().find(|commit| commit.2 > self.offset)
    }

    /// The longest time before `until` during which the partition had no owner after it had had one, from and to.
    pub(super) fn longest_empty(&self, until: u64) -> Option<(u64, u64)> {
        let gaps = self.gone.iter().filter_map(|(gone, _)| {
            let next = self.joined.iter().map(|(at, _)| *at).find(|at| at > gone)?;
            (next <= until).then_some((*gone, next))
        });
        gaps.max_by_key(|(from, to)| to - from)
    }
}
