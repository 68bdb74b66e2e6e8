//! Which leader epoch wrote which offsets: all it takes to tell whether two logs agree.

use kafka_sim_core::Offset;
use smallvec::SmallVec;

/// Consecutive offsets by the epoch that wrote them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Runs {
    /// First offset and epoch of each run, both ascending in a log that is in order.
    runs: SmallVec<[(Offset, i32); 4]>,
    /// The offset after the last.
    end: Offset,
}

impl Runs {
    /// The records from `base` up to before `end`, written in `epoch`, behind what is here.
    pub(super) fn push(&mut self, base: Offset, end: Offset, epoch: i32) {
        if self.runs.last().is_none_or(|(_, last)| *last != epoch) {
            self.runs.push((base, epoch));
        }
        self.end = end;
    }

    /// What comes first has this offset or a later one.
    pub(super) fn start_at(&mut self, offset: Offset) {
        debug_assert!(self.runs.is_empty(), "it has begun before");
        self.end = offset;
    }

    pub(super) fn end(&self) -> Offset {
        self.end
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// First offset, epoch and the epoch before, run by run; the first has none before it.
    pub(super) fn starts(&self) -> impl Iterator<Item = (Offset, i32, Option<i32>)> {
        let before = std::iter::once(None).chain(self.runs.iter().map(|(_, epoch)| Some(*epoch)));
        self.runs
            .iter()
            .zip(before)
            .map(|((start, epoch), before)| (*start, *epoch, before))
    }

    /// The epoch that wrote `offset`.
    pub(super) fn epoch_at(&self, offset: Offset) -> Option<i32> {
        if offset >= self.end {
            return None;
        }
        let after = self.runs.partition_point(|(start, _)| *start <= offset);
        after.checked_sub(1).map(|at| self.runs[at].1)
    }

    /// The first offset from `from` up to before `to` that is not the same record in both, one of them lacking it
    /// included.
    pub(super) fn difference(&self, other: &Runs, from: Offset, to: Offset) -> Option<Offset> {
        if from >= to {
            return None;
        }
        let starts = self.runs.iter().chain(&other.runs).map(|(start, _)| *start);
        let within = starts
            .chain([self.end, other.end])
            .filter(|offset| (from..to).contains(offset));
        let differs = |offset: &Offset| {
            let here = self.epoch_at(*offset);
            here.is_none() || here != other.epoch_at(*offset)
        };
        std::iter::once(from).chain(within).filter(differs).min()
    }

    /// Takes over what `other` has from the end of this one on, up to before `to`.
    pub(super) fn extend_from(&mut self, other: &Runs, to: Offset) {
        let mut at = self.end;
        if self.runs.is_empty() {
            at = at.max(other.runs.first().map_or(to, |(start, _)| *start));
        }
        while at < to {
            let Some(epoch) = other.epoch_at(at) else { return };
            let next = other.runs.partition_point(|(start, _)| *start <= at);
            let until = other.runs.get(next).map_or(other.end, |(start, _)| *start).min(to);
            self.push(at, until, epoch);
            at = until;
        }
    }
}
