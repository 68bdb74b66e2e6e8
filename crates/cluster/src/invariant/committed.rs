//! What is committed, by the word of those who led: every record below a leader's high watermark.

use std::collections::BTreeMap;

use kafka_sim_core::{BrokerId, Offset};

use super::Invariant;
use super::inspector::{Replica, Sight};
use super::runs::Runs;
use super::shadow::first_offset;

/// What one partition is known to have committed and shown.
#[derive(Clone, Default, Debug)]
pub(super) struct Committed {
    /// Everything below its end is committed.
    truth: Runs,
    /// What consumers have read.
    read: Runs,
    /// High watermark by leader and leader epoch.
    high_watermarks: BTreeMap<(i32, BrokerId), Offset>,
}

pub(super) type Break = (Invariant, String);

impl Committed {
    /// Takes note of how far the leaders have committed.
    pub(super) fn follow(&mut self, sight: &Sight<'_>, broken: &mut Vec<Break>) {
        for leader in sight.replicas.iter() {
            let Some(epoch) = leader.leads else { continue };
            let before = self
                .high_watermarks
                .insert((epoch, leader.broker), leader.high_watermark);
            if before.is_some_and(|before| before > leader.high_watermark) || leader.high_watermark > leader.log_end {
                broken.push((
                    Invariant::HighWatermarkMonotonic,
                    format!(
                        "broker {}, which leads in epoch {epoch}, has it at {} after {} with the log ending at {}",
                        leader.broker,
                        leader.high_watermark,
                        before.unwrap_or_default(),
                        leader.log_end
                    ),
                ));
            }
            if leader.high_watermark > self.truth.end() {
                self.truth.extend_from(leader.runs, leader.high_watermark);
            }
        }
    }

    /// Those who must have what is committed have it.
    pub(super) fn check(&self, sight: &Sight<'_>, broken: &mut Vec<Break>) {
        for replica in sight.replicas.iter() {
            let newest = replica.leads == Some(sight.state.leader_epoch);
            let below = replica.high_watermark.min(self.truth.end());
            if newest && let Some(lacks) = self.lacks(replica, self.truth.end()) {
                broken.push((Invariant::LeaderCompleteness, lacks));
            } else if replica.leads.is_some()
                && let Some(lacks) = self.lacks(replica, below)
            {
                broken.push((Invariant::StrongIsr, lacks));
            }
            let candidate = sight.state.isr.contains(&replica.broker) || sight.state.elr.contains(&replica.broker);
            if candidate
                && replica.registered
                && let Some(lacks) = self.lacks(replica, self.truth.end())
            {
                broken.push((Invariant::LeaderCandidateCompleteness, lacks));
            }
        }
    }

    /// What of the committed records below `to` the replica does not have.
    fn lacks(&self, replica: &Replica<'_>, to: Offset) -> Option<String> {
        let offset = self.first_lacking(replica, to)?;
        let here = match replica.runs.epoch_at(offset) {
            Some(epoch) => format!("has a record of epoch {epoch} at offset {offset}"),
            None => format!(
                "has nothing at offset {offset}, with its log ending at {}",
                replica.log_end
            ),
        };
        let epoch = self.truth.epoch_at(offset).unwrap_or(-1);
        Some(format!(
            "broker {} {here}, where one of epoch {epoch} is committed and everything below {} is",
            replica.broker,
            self.truth.end()
        ))
    }

    fn first_lacking(&self, replica: &Replica<'_>, to: Offset) -> Option<Offset> {
        if !replica.whole {
            return (replica.log_end < to).then_some(replica.log_end);
        }
        let known = first_offset(0, &self.truth);
        let from = first_offset(replica.log_start, replica.runs)
            .max(replica.log_start)
            .max(known);
        // A log that begins past what is committed has lost nothing that retention did not take.
        self.truth.difference(replica.runs, from, to)
    }

    pub(super) fn has_everything(&self, replica: &Replica<'_>) -> bool {
        replica.log_end >= self.truth.end() && self.first_lacking(replica, self.truth.end()).is_none()
    }

    /// A consumer was given `from` up to before `next` by a replica.
    pub(super) fn note_read(&mut self, replica: &Replica<'_>, from: Offset, next: Offset) -> Option<Break> {
        if !replica.whole {
            return None;
        }
        let known = self.read.end().min(next);
        let first = self.read.starts().next().map_or(next, |(start, ..)| start.max(from));
        let changed = self.read.difference(replica.runs, first, known);
        if self.read.is_empty() || from <= self.read.end() {
            if self.read.is_empty() {
                self.read.start_at(from);
            }
            self.read.extend_from(replica.runs, next);
        }
        let offset = changed?;
        let now = replica.runs.epoch_at(offset).unwrap_or(-1);
        Some((
            Invariant::ConsistentReads,
            format!(
                "at offset {offset} a record of epoch {} was read before, and broker {} now gives one of epoch {now}",
                self.read.epoch_at(offset).unwrap_or(-1),
                replica.broker
            ),
        ))
    }

    /// A write up to `last` was acknowledged to a producer that asked for all.
    pub(super) fn note_acked(&self, leader: &Replica<'_>, last: Offset) -> Option<Break> {
        (last >= self.truth.end()).then(|| {
            (
                Invariant::AckedIsCommitted,
                format!(
                    "broker {} acknowledged offset {last}, and only what is below {} is committed",
                    leader.broker,
                    self.truth.end()
                ),
            )
        })
    }
}
