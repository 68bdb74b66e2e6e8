//! The definitions, word by word.

use kafka_sim_check::{Completion, Observation, Stage};
use std::collections::BTreeSet;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Outcome {
    Acked(Option<i64>),
    Refused,
    Unknown,
    None,
}

#[derive(Clone, Debug)]
struct Send {
    id: u64,
    producer: u32,
    partition: i32,
    key: Option<u64>,
    business: Option<u64>,
    resend_of: Option<u64>,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
struct Read {
    /// Position in the history.
    at: usize,
    reader: u32,
    partition: i32,
    offset: i64,
    message: Option<u64>,
    /// Which poll of the reader, and how it ended.
    poll: usize,
    completion: Completion,
}

/// Reader, offset before, offset after.
type PollStep = (u32, i64, i64);

/// A history as plain lists.
pub(crate) struct Facts {
    sends: Vec<Send>,
    reads: Vec<Read>,
    /// Position, reader, partition.
    repositions: Vec<(usize, u32, i32)>,
    /// Position, reader, partition, log start.
    ends: Vec<(usize, u32, i32, i64)>,
}

/// A place as one number.
pub(crate) fn place(partition: i32, offset: i64) -> u64 {
    partition as u64 * 1000 + offset as u64
}

impl Facts {
    pub(crate) fn of(observations: &[Observation]) -> Facts {
        let mut facts = Facts {
            sends: vec![],
            reads: vec![],
            repositions: vec![],
            ends: vec![],
        };
        for (at, observation) in observations.iter().enumerate() {
            match observation {
                Observation::Sent {
                    producer,
                    message,
                    partition,
                    key,
                    business,
                    resend_of,
                    ..
                } => {
                    facts.sends.push(Send {
                        id: message.0,
                        producer: *producer,
                        partition: partition.expect("generated with a partition"),
                        key: *key,
                        business: *business,
                        resend_of: resend_of.map(|id| id.0),
                        outcome: Outcome::None,
                    });
                }
                Observation::Acked { message, offset, .. } => facts.settle(message.0, Outcome::Acked(*offset)),
                Observation::Refused { message, .. } => facts.settle(message.0, Outcome::Refused),
                Observation::Unknown { message, .. } => facts.settle(message.0, Outcome::Unknown),
                Observation::Repositioned { reader, partition, .. } => {
                    facts.repositions.push((at, *reader, *partition));
                }
                Observation::EndOfRead {
                    reader,
                    partition,
                    log_start,
                    ..
                } => {
                    facts.ends.push((at, *reader, *partition, *log_start));
                }
                Observation::Read {
                    reader,
                    partition,
                    offset,
                    message,
                    ..
                } => {
                    let polls = observations[..at].iter().enumerate().rev();
                    let last = polls.into_iter().find_map(|(at, other)| match other {
                        Observation::Poll {
                            reader: other,
                            completion,
                            ..
                        } if other == reader => Some((at + 1, *completion)),
                        _ => None,
                    });
                    let (poll, completion) = last.unwrap_or((0, Completion::Ok));
                    let (reader, partition, offset) = (*reader, *partition, *offset);
                    let message = message.map(|id| id.0);
                    facts.reads.push(Read {
                        at,
                        reader,
                        partition,
                        offset,
                        message,
                        poll,
                        completion,
                    });
                }
                _ => {}
            }
        }
        facts
    }

    fn settle(&mut self, id: u64, outcome: Outcome) {
        let send = self.sends.iter_mut().find(|send| send.id == id).expect("sent before");
        send.outcome = outcome;
    }

    /// What the final reader found, and the log start, if there is a final read.
    fn final_read(&self, partition: i32) -> Option<(Vec<u64>, i64)> {
        let &(end, reader, _, log_start) = self.ends.iter().rfind(|end| end.2 == partition)?;
        let start = self
            .repositions
            .iter()
            .rfind(|&&(at, who, what)| at < end && who == reader && what == partition);
        let start = start.map_or(0, |start| start.0);
        let reads = self
            .reads
            .iter()
            .filter(|read| read.reader == reader && read.partition == partition && read.at >= start && read.at < end);
        Some((reads.filter_map(|read| read.message).collect(), log_start))
    }

    fn seen_at(&self, id: u64) -> BTreeSet<(i32, i64)> {
        let reads = self.reads.iter().filter(|read| read.message == Some(id));
        reads.map(|read| (read.partition, read.offset)).collect()
    }

    fn places(&self, id: u64) -> BTreeSet<(i32, i64)> {
        let mut places = self.seen_at(id);
        if let Some(Send {
            partition,
            outcome: Outcome::Acked(Some(offset)),
            ..
        }) = self.sends.iter().find(|send| send.id == id)
        {
            places.insert((*partition, *offset));
        }
        places
    }

    fn all_ids(&self) -> BTreeSet<u64> {
        let read = self.reads.iter().filter_map(|read| read.message);
        self.sends.iter().map(|send| send.id).chain(read).collect()
    }

    fn ids_of(&self, wanted: impl Fn(&Send) -> bool) -> Vec<u64> {
        // Identities ascend in the order of sending.
        self.sends
            .iter()
            .filter(|send| wanted(send))
            .map(|send| send.id)
            .collect()
    }

    pub(crate) fn lost(&self) -> Vec<u64> {
        self.ids_of(|send| {
            let Outcome::Acked(_) = send.outcome else { return false };
            let Some((found, log_start)) = self.final_read(send.partition) else {
                return false;
            };
            let expired = self
                .places(send.id)
                .iter()
                .any(|&(partition, offset)| partition == send.partition && offset < log_start);
            !found.contains(&send.id) && !expired
        })
    }

    pub(crate) fn stage_of_loss(&self, id: u64) -> Option<Stage> {
        let send = self
            .sends
            .iter()
            .find(|send| send.id == id)
            .expect("it was acknowledged");
        let (found, _) = self.final_read(send.partition)?;
        Some(if found.contains(&id) || !self.lost().contains(&id) {
            Stage::Consumption
        } else if self.places(id).is_empty() {
            Stage::Production
        } else {
            Stage::Storage
        })
    }

    /// Where records are known to have been, without what was removed on purpose, ascending.
    pub(crate) fn known_offsets(&self, partition: i32) -> Vec<i64> {
        let start = self.final_read(partition).map_or(0, |(_, log_start)| log_start);
        (start..50)
            .filter(|&offset| !self.occupants(partition, offset).is_empty())
            .collect()
    }

    pub(crate) fn subject_of(&self, id: u64) -> (Option<u64>, u64) {
        let send = self.sends.iter().find(|send| send.id == id);
        send.map_or((None, id), |send| self.subject(send))
    }

    pub(crate) fn key_of(&self, id: u64) -> Option<u64> {
        self.sends.iter().find(|send| send.id == id)?.key
    }

    /// Messages of one producer and key, the one that was sent first first.
    pub(crate) fn pairs_of_a_key(&self) -> Vec<(u64, u64)> {
        let mut pairs = Vec::new();
        for (rank, later) in self.sends.iter().enumerate() {
            let earlier = self.sends[..rank].iter().filter(|earlier| {
                earlier.producer == later.producer && earlier.key.is_some() && earlier.key == later.key
            });
            pairs.extend(earlier.map(|earlier| (earlier.id, later.id)));
        }
        pairs
    }

    pub(crate) fn duplicated(&self) -> Vec<u64> {
        self.all_ids()
            .into_iter()
            .filter(|&id| self.places(id).len() > 1)
            .collect()
    }

    /// What the final reader found, with offsets.
    fn final_places(&self, partition: i32) -> BTreeSet<(u64, i64)> {
        let Some(&(end, reader, ..)) = self.ends.iter().rfind(|end| end.2 == partition) else {
            return BTreeSet::new();
        };
        let again = |&&(at, who, what): &&(usize, u32, i32)| at < end && who == reader && what == partition;
        let start = self.repositions.iter().rfind(again).map_or(0, |start| start.0);
        let of_it = |read: &&Read| read.reader == reader && read.partition == partition;
        let reads = self.reads.iter().filter(of_it);
        let reads = reads.filter(|read| (start..end).contains(&read.at));
        reads.filter_map(|read| Some((read.message?, read.offset))).collect()
    }

    fn position(&self, send: &Send, partition: i32) -> Option<i64> {
        let first = |places: BTreeSet<(i32, i64)>| {
            places
                .into_iter()
                .filter(|place| place.0 == partition)
                .map(|place| place.1)
                .min()
        };
        match self.final_read(partition) {
            Some((_, log_start)) => {
                let stays = |offset| offset < log_start || self.final_places(partition).contains(&(send.id, offset));
                let seen = self.seen_at(send.id).into_iter();
                first(seen.filter(|&(_, offset)| stays(offset)).collect())
            }
            None => first(self.seen_at(send.id)).or(first(self.places(send.id))),
        }
    }

    pub(crate) fn reordered(&self, per_key: bool) -> Vec<u64> {
        let mut found = Vec::new();
        for partition in [0, 1] {
            for (rank, later) in self.sends.iter().enumerate() {
                let too_early = self.sends[..rank].iter().any(|earlier| {
                    let comparable = earlier.producer == later.producer
                        && (!per_key || (earlier.key.is_some() && earlier.key == later.key));
                    match (self.position(earlier, partition), self.position(later, partition)) {
                        (Some(from), Some(to)) => comparable && to < from,
                        _ => false,
                    }
                });
                if too_early {
                    found.push(later.id);
                }
            }
        }
        found.sort_unstable();
        found
    }

    fn occupants(&self, partition: i32, offset: i64) -> BTreeSet<Option<u64>> {
        let reads = self
            .reads
            .iter()
            .filter(|read| (read.partition, read.offset) == (partition, offset));
        let acked = self
            .sends
            .iter()
            .filter(|send| send.partition == partition && send.outcome == Outcome::Acked(Some(offset)));
        reads
            .map(|read| read.message)
            .chain(acked.map(|send| Some(send.id)))
            .collect()
    }

    pub(crate) fn inconsistent(&self) -> Vec<u64> {
        let places = (0..2).flat_map(|partition| (0..50).map(move |offset| (partition, offset)));
        let inconsistent = places.filter(|&(partition, offset)| self.occupants(partition, offset).len() > 1);
        inconsistent
            .map(|(partition, offset)| place(partition, offset))
            .collect()
    }

    pub(crate) fn phantoms(&self) -> Vec<u64> {
        let ids = self.all_ids().into_iter().filter(|&id| !self.seen_at(id).is_empty());
        ids.filter(|&id| match self.sends.iter().find(|send| send.id == id) {
            None => true,
            Some(send) => send.outcome == Outcome::Refused,
        })
        .collect()
    }

    pub(crate) fn unresolved(&self) -> Vec<u64> {
        self.ids_of(|send| send.outcome == Outcome::None)
    }

    /// What a send is about: a key, or the first message of its chain.
    fn subject(&self, send: &Send) -> (Option<u64>, u64) {
        let repeated = send
            .resend_of
            .and_then(|id| self.sends.iter().find(|send| send.id == id));
        match (send.business, repeated) {
            (Some(key), _) => (Some(key), 0),
            (None, Some(repeated)) => self.subject(repeated),
            (None, None) => (None, send.id),
        }
    }

    /// Of everything that appears more than once, the first message that appears. Messages that
    /// are neither about anything nor repeated do not matter.
    pub(crate) fn repeated(&self) -> Vec<u64> {
        let mut found: Vec<u64> = Vec::new();
        let subjects: BTreeSet<_> = self.sends.iter().map(|send| self.subject(send)).collect();
        for subject in subjects {
            let members: Vec<&Send> = self.sends.iter().filter(|send| self.subject(send) == subject).collect();
            if subject.0.is_none() && members.iter().all(|send| send.resend_of.is_none()) {
                continue;
            }
            let appearances: usize = members.iter().map(|send| self.seen_at(send.id).len()).sum();
            if appearances > 1 {
                let first = members.iter().find(|send| !self.seen_at(send.id).is_empty());
                found.push(first.expect("something appears").id);
            }
        }
        found.sort_unstable();
        found
    }

    pub(crate) fn moved_keys(&self) -> Vec<u64> {
        let homes = |key: u64| -> BTreeSet<i32> {
            let sends = self.sends.iter().filter(|send| send.key == Some(key));
            sends
                .flat_map(|send| self.seen_at(send.id))
                .map(|place| place.0)
                .collect()
        };
        (0..2).filter(|&key| homes(key).len() > 1).collect()
    }

    fn index(&self, partition: i32, offset: i64) -> i64 {
        (0..offset)
            .filter(|&offset| !self.occupants(partition, offset).is_empty())
            .count() as i64
    }

    fn read_well(&self, id: u64, partition: i32) -> bool {
        self.reads
            .iter()
            .any(|read| (read.message, read.partition) == (Some(id), partition) && read.completion == Completion::Ok)
    }

    pub(crate) fn unseen(&self) -> Vec<u64> {
        self.ids_of(|send| matches!(send.outcome, Outcome::Acked(_)) && !self.read_well(send.id, send.partition))
    }

    pub(crate) fn aborted_reads(&self) -> Vec<u64> {
        self.ids_of(|send| send.outcome == Outcome::Refused && (0..2).any(|at| self.read_well(send.id, at)))
    }

    pub(crate) fn lost_writes(&self) -> Vec<u64> {
        let indices = |id: u64, partition: i32| -> Vec<i64> {
            let places = self.places(id).into_iter().filter(|place| place.0 == partition);
            places.map(|place| self.index(partition, place.1)).collect()
        };
        self.ids_of(|send| {
            let read_well = self
                .all_ids()
                .into_iter()
                .filter(|&id| self.read_well(id, send.partition));
            let bound = read_well
                .filter_map(|id| indices(id, send.partition).into_iter().min())
                .max();
            let last = indices(send.id, send.partition).into_iter().max();
            let must_be_read = last.is_some_and(|last| bound.is_some_and(|bound| last <= bound));
            must_be_read && matches!(send.outcome, Outcome::Acked(_)) && !self.read_well(send.id, send.partition)
        })
    }

    pub(crate) fn nonmonotonic_sends(&self) -> usize {
        let mut found = 0;
        for (producer, partition) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let sends = self
                .sends
                .iter()
                .filter(|send| send.producer == producer && send.outcome != Outcome::Refused);
            let indices: Vec<i64> = sends
                .filter_map(|send| self.places(send.id).into_iter().find(|place| place.0 == partition))
                .map(|place| self.index(partition, place.1))
                .collect();
            found += indices.windows(2).filter(|pair| pair[1] - pair[0] < 1).count();
        }
        found
    }

    /// Skips and steps back, within polls or between them: reader, from, to.
    pub(crate) fn poll_steps(&self, internal: bool) -> (Vec<PollStep>, Vec<PollStep>) {
        let (mut skips, mut backs) = (Vec::new(), Vec::new());
        for (at, read) in self.reads.iter().enumerate() {
            let repositioned = self.repositions.iter().rfind(|&&(at, reader, partition)| {
                at < read.at && (reader, partition) == (read.reader, read.partition)
            });
            let start = repositioned.map_or(0, |repositioned| repositioned.0);
            let before: Vec<&Read> = self.reads[..at]
                .iter()
                .filter(|other| (other.reader, other.partition) == (read.reader, read.partition) && other.at >= start)
                .collect();
            let same_poll = before.last().filter(|other| other.poll == read.poll);
            let previous = match (internal, same_poll) {
                (true, same_poll) => same_poll,
                (false, Some(_)) => None,
                (false, None) => before.iter().rfind(|other| other.completion == Completion::Ok),
            };
            let Some(previous) = previous else { continue };
            let delta = self.index(read.partition, read.offset) - self.index(read.partition, previous.offset);
            let step = (read.reader, previous.offset, read.offset);
            if delta > 1 {
                skips.push(step);
            } else if delta < 1 {
                backs.push(step);
            }
        }
        (skips, backs)
    }
}
