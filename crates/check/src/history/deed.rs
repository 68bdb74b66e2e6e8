//! What consumers of groups did.

use super::names::small;
use super::{FOREIGN, History, Oddity, Step};
use crate::observation::{Completion, Observation};

/// A reader at an offset of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Spot {
    pub(crate) at: u64,
    pub(crate) offset: i64,
    pub(crate) reader: u32,
    pub(crate) log: u32,
}

/// What a consumer of a group did. Logs, groups and messages are numbers of other tables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    Joined {
        at: u64,
        reader: u32,
        group: u32,
    },
    Owned {
        at: u64,
        reader: u32,
        log: u32,
    },
    Released {
        at: u64,
        reader: u32,
        log: u32,
    },
    /// The message is a handle, or [`FOREIGN`].
    Processed(Spot, u32),
    Effect {
        at: u64,
        reader: u32,
        message: u32,
    },
    CommitSent(Spot),
    Committed(Spot, Completion),
    Died {
        at: u64,
        reader: u32,
    },
    Settled {
        at: u64,
        group: u32,
        caught_up: bool,
    },
}

impl History {
    /// Adds what a consumer of a group did.
    pub(super) fn add_deed(&mut self, observation: Observation) {
        match self.deed(observation) {
            Ok(deed) => {
                self.steps.push(Step::Deed(small(self.deeds.len())));
                self.deeds.push(deed);
            }
            Err(oddity) => self.oddities.push(oddity),
        }
    }

    fn deed(&mut self, observation: Observation) -> Result<Deed, Oddity> {
        Ok(match observation {
            Observation::Joined { at, reader, group } => {
                let group = self.group_names.number(&group);
                if *self.groups.entry(reader).or_insert(group) != group {
                    return Err(Oddity::JoinedAnother(reader));
                }
                Deed::Joined { at, reader, group }
            }
            Observation::Owned {
                at,
                reader,
                topic,
                partition,
            } => {
                let log = self.log_number(&topic, partition);
                Deed::Owned {
                    at,
                    reader: self.member(reader)?,
                    log,
                }
            }
            Observation::Released {
                at,
                reader,
                topic,
                partition,
            } => {
                let log = self.log_number(&topic, partition);
                Deed::Released {
                    at,
                    reader: self.member(reader)?,
                    log,
                }
            }
            Observation::Processed {
                at,
                reader,
                topic,
                partition,
                offset,
                message,
            } => {
                let reader = self.member(reader)?;
                let message = message.map_or(FOREIGN, |message| self.handle_for(message));
                let log = self.log_with(&topic, partition, message);
                Deed::Processed(
                    Spot {
                        at,
                        offset,
                        reader,
                        log,
                    },
                    message,
                )
            }
            Observation::Effect { at, reader, message } => {
                let message = self.handle_for(message);
                Deed::Effect { at, reader, message }
            }
            Observation::CommitSent {
                at,
                reader,
                topic,
                partition,
                offset,
            } => {
                let (reader, log) = (self.member(reader)?, self.log_number(&topic, partition));
                Deed::CommitSent(Spot {
                    at,
                    offset,
                    reader,
                    log,
                })
            }
            Observation::Committed {
                at,
                reader,
                topic,
                partition,
                offset,
                completion,
            } => {
                let (reader, log) = (self.member(reader)?, self.log_number(&topic, partition));
                Deed::Committed(
                    Spot {
                        at,
                        offset,
                        reader,
                        log,
                    },
                    completion,
                )
            }
            Observation::Died { at, reader } => Deed::Died { at, reader },
            Observation::GroupSettled { at, group, caught_up } => {
                let group = self.group_names.number(&group);
                Deed::Settled { at, group, caught_up }
            }
            other => unreachable!("{other:?} is not about a consumer of a group"),
        })
    }

    /// The reader, if it belongs to a group.
    fn member(&self, reader: u32) -> Result<u32, Oddity> {
        let group = self.groups.get(&reader);
        group.map(|_| reader).ok_or(Oddity::Groupless(reader))
    }

    pub(super) fn deed_observation(&self, deed: u32) -> Observation {
        match self.deeds[deed as usize] {
            Deed::Joined { at, reader, group } => Observation::Joined {
                at,
                reader,
                group: self.group(group).clone(),
            },
            Deed::Owned { at, reader, log } => {
                let (topic, partition) = self.log(log);
                Observation::Owned {
                    at,
                    reader,
                    topic: topic.clone(),
                    partition,
                }
            }
            Deed::Released { at, reader, log } => {
                let (topic, partition) = self.log(log);
                Observation::Released {
                    at,
                    reader,
                    topic: topic.clone(),
                    partition,
                }
            }
            Deed::Processed(spot, message) => self.processed_observation(spot, message),
            Deed::Effect { at, reader, message } => Observation::Effect {
                at,
                reader,
                message: self.entry(message).id,
            },
            Deed::CommitSent(spot) => {
                let (topic, partition) = self.log(spot.log);
                Observation::CommitSent {
                    at: spot.at,
                    reader: spot.reader,
                    topic: topic.clone(),
                    partition,
                    offset: spot.offset,
                }
            }
            Deed::Committed(spot, completion) => {
                let (topic, partition) = self.log(spot.log);
                Observation::Committed {
                    at: spot.at,
                    reader: spot.reader,
                    topic: topic.clone(),
                    partition,
                    offset: spot.offset,
                    completion,
                }
            }
            Deed::Died { at, reader } => Observation::Died { at, reader },
            Deed::Settled { at, group, caught_up } => Observation::GroupSettled {
                at,
                group: self.group(group).clone(),
                caught_up,
            },
        }
    }

    fn processed_observation(&self, spot: Spot, message: u32) -> Observation {
        let (topic, partition) = self.log(spot.log);
        Observation::Processed {
            at: spot.at,
            reader: spot.reader,
            topic: topic.clone(),
            partition,
            offset: spot.offset,
            message: self.id_of(message),
        }
    }
}
