//! The gap detector against the judge.

use super::{Detector, Gap, Seen};
use crate::history::{FOREIGN, History, Settled};
use crate::judge::{Fate, FinalReads, Places, fates};
use crate::message::MessageId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Missing numbers that were no loss of an acknowledged message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FalseAlarms {
    /// Messages that came after all, out of order.
    pub late: u64,
    /// Messages whose send was refused.
    pub refused: u64,
    /// Messages whose send had an unknown outcome, or none: gone, but nobody had promised them.
    pub unpromised: u64,
    /// Messages that had been removed on purpose, by retention or compaction.
    pub expired: u64,
}

/// How well gaps tell of losses in a history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GapReport {
    /// Every alarm that was raised in a partition that has a final read, with the topic.
    pub gaps: Vec<(Arc<str>, Gap)>,
    /// Lost messages within a gap.
    pub detected: Vec<MessageId>,
    /// Lost messages behind the last one that was seen of their producer and partition: no gap
    /// shows them.
    pub missed_tail: Vec<MessageId>,
    /// Lost messages that no gap shows although a later one was seen. Always empty if the sequence
    /// numbers are as [`Observation::Sent`](crate::Observation::Sent) asks.
    pub missed_elsewhere: Vec<MessageId>,
    /// Messages within gaps that are not lost.
    pub false_alarms: FalseAlarms,
    /// Lost messages without a sequence, because the partition was left to the partitioner.
    pub unnumbered: u64,
}

/// Lets the gap detector follow the final read of each partition, and scores its alarms against
/// what [`Promise::AckedSurvives`](crate::Promise::AckedSurvives) calls lost.
pub fn compare(history: &History) -> GapReport {
    let finals = FinalReads::of(history);
    let mut report = GapReport::default();
    let lines = follow(history, &finals, &mut report);
    score_losses(history, &finals, &lines, &mut report);
    score_alarms(history, &finals, &lines, &mut report);
    report
}

/// What the detector found about one producer in one log.
#[derive(Default)]
struct Line {
    /// Ascending and disjoint, because the detector only looks ahead.
    gaps: Vec<Gap>,
    /// One more than the highest sequence number seen.
    end: u64,
}

impl Line {
    fn has_gap_at(&self, sequence: u64) -> bool {
        let after = self.gaps.partition_point(|gap| gap.to < sequence);
        self.gaps.get(after).is_some_and(|gap| gap.from <= sequence)
    }
}

/// By log and producer.
type Lines = BTreeMap<(u32, u32), Line>;

fn follow(history: &History, finals: &FinalReads, report: &mut GapReport) -> Lines {
    let mut lines = Lines::new();
    for (log, read) in finals.iter() {
        let (topic, partition) = history.log(log);
        let mut detector = Detector::new();
        for &message in &read.messages {
            debug_assert_ne!(message, FOREIGN, "final reads leave foreign bytes out");
            let Some(sent) = history
                .entry(message)
                .sent
                .as_ref()
                .filter(|sent| sent.log == Some(log))
            else {
                continue;
            };
            let line = lines.entry((log, sent.producer)).or_default();
            line.end = line.end.max(sent.sequence.saturating_add(1));
            let seen = Seen {
                partition,
                producer: sent.producer,
                sequence: sent.sequence,
            };
            if let Some(gap) = detector.see(seen) {
                line.gaps.push(gap);
                report.gaps.push((topic.clone(), gap));
            }
        }
    }
    lines
}

fn score_losses(history: &History, finals: &FinalReads, lines: &Lines, report: &mut GapReport) {
    let places = Places::of(history);
    for acked in fates(history, &places, finals) {
        let in_gap = || {
            let line = lines.get(&(acked.log, acked.sent.producer))?;
            Some((line.has_gap_at(acked.sent.sequence), acked.sent.sequence >= line.end))
        };
        let id = history.entry(acked.handle).id;
        match acked.fate {
            Fate::Lost if acked.sent.log != Some(acked.log) => report.unnumbered += 1,
            Fate::Lost => match in_gap() {
                Some((true, _)) => report.detected.push(id),
                None | Some((false, true)) => report.missed_tail.push(id),
                Some((false, false)) => report.missed_elsewhere.push(id),
            },
            Fate::Expired | Fate::Replaced if matches!(in_gap(), Some((true, _))) => report.false_alarms.expired += 1,
            _ => {}
        }
    }
}

fn score_alarms(history: &History, finals: &FinalReads, lines: &Lines, report: &mut GapReport) {
    for &handle in history.sent_handles() {
        let entry = history.entry(handle);
        let Some((sent, log)) = entry.sent.as_ref().and_then(|sent| Some((sent, sent.log?))) else {
            continue;
        };
        let in_gap = lines
            .get(&(log, sent.producer))
            .is_some_and(|line| line.has_gap_at(sent.sequence));
        if !in_gap {
            continue;
        }
        let came = finals.get(log).is_some_and(|read| read.contains(handle));
        match entry.settled {
            _ if came => report.false_alarms.late += 1,
            Some(Settled::Acked { .. }) => {}
            Some(Settled::Refused { .. }) => report.false_alarms.refused += 1,
            Some(Settled::Unknown { .. }) | None => report.false_alarms.unpromised += 1,
        }
    }
}
