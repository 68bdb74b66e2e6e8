//! The promises about groups, word by word, and random histories for them.

use crate::generate::Lcg;
use crate::naive::Facts;
use kafka_sim_check::{Completion, MessageId, Observation, Stage};
use std::collections::BTreeSet;
use std::sync::Arc;

const GROUPS: [&str; 2] = ["audit", "billing"];
/// The members of each group. Reader 1 wanders through the logs, reader 13 belongs to none.
const MEMBERS: [(u32, usize); 4] = [(10, 0), (11, 1), (12, 1), (1, 1)];

/// Strews what groups do over a history, in which every instant is a position.
pub(crate) fn with_groups(lcg: &mut Lcg, mut seen: Vec<Observation>) -> Vec<Observation> {
    let mut at = 0;
    for (reader, group) in MEMBERS {
        if !lcg.one_in(6) {
            let group = GROUPS[group].into();
            seen.insert(at, Observation::Joined { at: 0, reader, group });
            at += 1;
        }
    }
    let members: Vec<u32> = MEMBERS.iter().map(|member| member.0).collect();
    let joined = |seen: &[Observation], reader| {
        seen.iter()
            .any(|seen| matches!(seen, Observation::Joined { reader: who, .. } if *who == reader))
    };
    for _ in 0..lcg.below(40) {
        let reader = members[lcg.below(4) as usize];
        if joined(&seen, reader) {
            at += lcg.below((seen.len() - at) as u64 / 8 + 1) as usize;
            for deed in deeds(lcg, reader) {
                seen.insert(at, deed);
                at += 1;
            }
        }
    }
    for group in GROUPS {
        if !lcg.one_in(3) {
            let at = seen.len() - lcg.below(seen.len() as u64 / 3 + 1) as usize;
            let caught_up = !lcg.one_in(3);
            let group = group.into();
            seen.insert(
                at,
                Observation::GroupSettled {
                    at: 0,
                    group,
                    caught_up,
                },
            );
        }
    }
    seen
}

fn deeds(lcg: &mut Lcg, reader: u32) -> Vec<Observation> {
    let (at, topic, partition) = (0, Arc::from("orders"), lcg.below(2) as i32);
    let offset = lcg.below(5) as i64;
    let sent = Observation::CommitSent {
        at,
        reader,
        topic: Arc::clone(&topic),
        partition,
        offset: offset / 2,
    };
    let committed = Observation::Committed {
        at,
        reader,
        topic: Arc::clone(&topic),
        partition,
        offset: offset / 2,
        completion: [Completion::Ok, Completion::Ok, Completion::Fail, Completion::Info][lcg.below(4) as usize],
    };
    vec![match lcg.below(14) {
        0..=3 => Observation::Owned {
            at,
            reader,
            topic,
            partition,
        },
        4 => Observation::Released {
            at,
            reader,
            topic,
            partition,
        },
        5..=7 => Observation::Processed {
            at,
            reader,
            topic,
            partition,
            offset,
            message: (!lcg.one_in(9)).then(|| MessageId(lcg.below(9))),
        },
        8 => Observation::Effect {
            at,
            reader: if lcg.one_in(4) { 13 } else { reader },
            message: MessageId(lcg.below(9)),
        },
        9 => sent,
        10 => committed,
        11 | 12 => return vec![sent, committed],
        _ => Observation::Died { at, reader },
    }]
}

/// What groups did, with its position.
pub(crate) struct Deeds<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) seen: &'a [Observation],
}

impl Deeds<'_> {
    pub(crate) fn groups(&self) -> BTreeSet<String> {
        let groups = self.seen.iter().filter_map(|seen| match seen {
            Observation::Joined { group, .. } | Observation::GroupSettled { group, .. } => Some(group.to_string()),
            _ => None,
        });
        groups.collect()
    }

    fn group_of(&self, reader: u32) -> Option<String> {
        self.seen.iter().find_map(|seen| match seen {
            Observation::Joined { reader: who, group, .. } if *who == reader => Some(group.to_string()),
            _ => None,
        })
    }

    /// Position, partition, offset and message of everything that a group processed.
    fn processed(&self, group: &str) -> Vec<(usize, i32, i64, Option<u64>)> {
        let of_group = self.seen.iter().enumerate().filter_map(|(at, seen)| match seen {
            Observation::Processed {
                reader,
                partition,
                offset,
                message,
                ..
            } if self.group_of(*reader).as_deref() == Some(group) => {
                Some((at, *partition, *offset, message.map(|id| id.0)))
            }
            _ => None,
        });
        of_group.collect()
    }

    fn first_processed(&self, group: &str, id: u64) -> Option<usize> {
        let processed = self.processed(group);
        processed.iter().find(|done| done.3 == Some(id)).map(|done| done.0)
    }

    fn consumes(&self, group: &str) -> bool {
        self.seen.iter().any(|seen| match seen {
            Observation::Owned { reader, .. }
            | Observation::Read { reader, .. }
            | Observation::Processed { reader, .. }
            | Observation::CommitSent { reader, .. }
            | Observation::Committed { reader, .. } => self.group_of(*reader).as_deref() == Some(group),
            _ => false,
        })
    }

    fn settled(&self, group: &str) -> Option<(usize, bool)> {
        let looks = self.seen.iter().enumerate().rev();
        looks.into_iter().find_map(|(at, seen)| match seen {
            Observation::GroupSettled {
                group: whose,
                caught_up,
                ..
            } if **whose == *group => Some((at, *caught_up)),
            _ => None,
        })
    }

    /// Acknowledged messages that a group owes: position and identity.
    fn owed(&self, group: &str) -> Vec<(usize, u64)> {
        let acks = self.seen.iter().enumerate().filter_map(|(at, seen)| match seen {
            Observation::Acked { message, .. } => Some((at, message.0)),
            _ => None,
        });
        acks.filter(|_| self.consumes(group)).collect()
    }

    /// Group, message and stage of everything that should have been processed and was not.
    pub(crate) fn unprocessed(&self) -> Vec<(String, u64, Option<Stage>)> {
        let mut found = Vec::new();
        for group in self.groups() {
            for (at, id) in self.owed(&group) {
                let in_time = self.settled(&group).is_some_and(|settled| at < settled.0);
                if in_time && self.first_processed(&group, id).is_none() {
                    found.push((group.clone(), id, self.facts.stage_of_loss(id)));
                }
            }
        }
        found.sort();
        found
    }

    /// How many messages each group may still process, if any.
    pub(crate) fn still_to_come(&self) -> Vec<(String, u64)> {
        let open = |group: &str| {
            let owed = self.owed(group).into_iter();
            let late = owed.filter(|&(at, id)| {
                self.settled(group).is_none_or(|settled| settled.0 < at) && self.first_processed(group, id).is_none()
            });
            late.count() as u64
        };
        let groups = self.groups().into_iter().map(|group| (open(&group), group));
        groups
            .filter(|open| open.0 > 0)
            .map(|(open, group)| (group, open))
            .collect()
    }

    pub(crate) fn owes_nothing(&self) -> bool {
        self.groups().iter().all(|group| self.owed(group).is_empty())
    }

    /// Group and number of effects of each subject that had several.
    pub(crate) fn repeated_effects(&self) -> Vec<(Option<String>, usize)> {
        let mut effects = Vec::new();
        for seen in self.seen {
            if let Observation::Effect { reader, message, .. } = seen {
                effects.push((self.group_of(*reader), self.facts.subject_of(message.0)));
            }
        }
        let kinds: BTreeSet<_> = effects.iter().cloned().collect();
        let count = |kind: &(Option<String>, (Option<u64>, u64))| effects.iter().filter(|other| *other == kind).count();
        let mut found: Vec<_> = kinds.iter().map(|kind| (kind.0.clone(), count(kind))).collect();
        found.retain(|effects| effects.1 > 1);
        found.sort();
        found
    }

    /// Group, partition and offset of everything that a commit passed over as the first.
    pub(crate) fn passed_over(&self) -> BTreeSet<(String, i32, i64)> {
        let mut found = BTreeSet::new();
        for (now, seen) in self.seen.iter().enumerate() {
            let Observation::Committed {
                reader,
                partition,
                offset,
                completion: Completion::Ok,
                ..
            } = seen
            else {
                continue;
            };
            let group = self.group_of(*reader).expect("only members commit");
            let done = self.processed(&group);
            let is_done = |known: i64| {
                done.iter()
                    .any(|done| done.0 < now && (done.1, done.2) == (*partition, known))
            };
            let first = self
                .facts
                .known_offsets(*partition)
                .into_iter()
                .find(|&known| !is_done(known));
            if let Some(first) = first.filter(|first| offset > first) {
                found.insert((group, *partition, first));
            }
        }
        found
    }

    /// Group and message of everything that was processed before an earlier one of its key.
    pub(crate) fn misprocessed(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        for group in self.groups() {
            for (earlier, later) in self.facts.pairs_of_a_key() {
                let turns = (
                    self.first_processed(&group, earlier),
                    self.first_processed(&group, later),
                );
                if matches!(turns, (Some(earlier), Some(later)) if later < earlier) {
                    found.push((group.clone(), later));
                }
            }
        }
        found.sort();
        found.dedup();
        found
    }

    fn owns(&self, who: u32, what: i32, at: usize) -> bool {
        let last = self.seen[..at].iter().rev().find_map(|seen| match seen {
            Observation::Owned { reader, partition, .. } if (*reader, *partition) == (who, what) => Some(true),
            Observation::Released { reader, partition, .. } if (*reader, *partition) == (who, what) => Some(false),
            Observation::Died { reader, .. } if *reader == who => Some(false),
            _ => None,
        });
        last.unwrap_or(false)
    }

    /// When a reader sent commits of a partition that were accepted.
    fn accepted(&self, who: u32, what: i32) -> Vec<usize> {
        let (mut open, mut accepted) = (Vec::new(), Vec::new());
        for (at, seen) in self.seen.iter().enumerate() {
            match seen {
                Observation::CommitSent {
                    reader,
                    partition,
                    offset,
                    ..
                } if (*reader, *partition) == (who, what) => open.push((*offset, at)),
                Observation::Committed {
                    reader,
                    partition,
                    offset,
                    completion,
                    ..
                } if (*reader, *partition) == (who, what) => {
                    let sent = open.iter().position(|sent| sent.0 == *offset);
                    let sent = sent.map(|sent| open.remove(sent).1);
                    accepted.extend(sent.filter(|_| *completion == Completion::Ok));
                }
                _ => {}
            }
        }
        accepted
    }

    /// Partition and both readers.
    pub(crate) fn double_owners(&self) -> BTreeSet<(i32, u32, u32)> {
        let mut found = BTreeSet::new();
        let readers: Vec<u32> = MEMBERS.iter().map(|member| member.0).collect();
        for (partition, a, b) in [0, 1].into_iter().flat_map(|partition| {
            let pairs = readers.iter().flat_map(|&a| readers.iter().map(move |&b| (a, b)));
            pairs.filter(|(a, b)| a < b).map(move |(a, b)| (partition, a, b))
        }) {
            if self.group_of(a).is_none() || self.group_of(a) != self.group_of(b) {
                continue;
            }
            for from in self.accepted(a, partition) {
                for to in self.accepted(b, partition) {
                    let mut span = from.min(to)..=from.max(to);
                    if span.all(|now| self.owns(a, partition, now) && self.owns(b, partition, now)) {
                        found.insert((partition, a, b));
                    }
                }
            }
        }
        found
    }

    pub(crate) fn restless(&self) -> Vec<String> {
        let groups = self.groups().into_iter();
        groups
            .filter(|group| self.settled(group).is_some_and(|settled| !settled.1))
            .collect()
    }

    /// Whether anything of this kind is in the history.
    pub(crate) fn has(&self, kind: impl Fn(&Observation) -> bool) -> bool {
        self.seen.iter().any(kind)
    }

    /// Whether a message with a key was processed.
    pub(crate) fn processed_a_key(&self) -> bool {
        self.groups().iter().any(|group| {
            let processed = self.processed(group).into_iter();
            processed
                .filter_map(|done| done.3)
                .any(|id| self.facts.key_of(id).is_some())
        })
    }
}
