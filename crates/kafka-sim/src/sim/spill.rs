//! Spilling: what the producer gives up goes to a local file, and is sent again later.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kafka_sim_cluster::disk::{IoError, Survivors};
use kafka_sim_core::SimTime;

use super::ledger::{Kind, Ledger, Row};
use super::outbox::Errand;

/// The file, and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Spill {
    fsync: bool,
    every: Duration,
    ledger: Ledger,
    /// Messages whose sync is under way.
    writes: VecDeque<(SimTime, Row)>,
    spilled: BTreeMap<u64, Row>,
    /// Spilled messages that are being sent again.
    in_hand: BTreeSet<u64>,
    next_try: SimTime,
}

impl Spill {
    pub(super) fn new(fsync: bool, every: Duration, ledger: Ledger) -> Spill {
        Spill {
            fsync,
            every,
            ledger,
            writes: VecDeque::new(),
            spilled: BTreeMap::new(),
            in_hand: BTreeSet::new(),
            next_try: SimTime::ZERO,
        }
    }

    /// Whether this message is one that was spilled before.
    pub(super) fn has(&self, id: u64) -> bool {
        self.spilled.contains_key(&id)
    }

    /// Writes a message that the producer gave up.
    ///
    /// # Errors
    /// The disk did not take it.
    pub(super) fn take(&mut self, now: SimTime, row: Row) -> Result<(), IoError> {
        self.ledger.write(now, Kind::Pending, row)?;
        let written = if self.fsync { self.ledger.sync(now)? } else { now };
        self.writes.push_back((written, row));
        Ok(())
    }

    pub(super) fn next_due(&self) -> Option<SimTime> {
        let idle = self.spilled.len() > self.in_hand.len();
        let again = idle.then_some(self.next_try);
        self.writes.front().map(|(at, _)| *at).into_iter().chain(again).min()
    }

    pub(super) fn is_done(&self) -> bool {
        self.writes.is_empty() && self.spilled.is_empty()
    }

    /// Messages in the file or on their way there.
    pub(super) fn in_hand(&self) -> usize {
        self.writes.len() + self.spilled.len()
    }

    /// Does what is due.
    pub(super) fn advance(&mut self, now: SimTime) -> Vec<Errand> {
        let mut errands = Vec::new();
        while let Some((_, row)) = self.writes.pop_front_if(|(at, _)| *at <= now) {
            if self.spilled.is_empty() {
                self.next_try = now + self.every;
            }
            self.spilled.insert(row.id, row);
            errands.push(Errand::Promise(row));
        }
        if self.next_try <= now {
            self.next_try = now + self.every;
            for (id, row) in &self.spilled {
                if self.in_hand.insert(*id) {
                    errands.push(Errand::Send(*row));
                }
            }
        }
        errands
    }

    /// The producer told what became of a spilled message.
    pub(super) fn learn(&mut self, now: SimTime, id: u64, acked: bool) {
        self.in_hand.remove(&id);
        if !acked {
            return;
        }
        if let Some(row) = self.spilled.remove(&id) {
            // A mark that is lost makes a duplicate, so nobody waits for it.
            let _ = self.ledger.write(now, Kind::Done, row);
        }
        if self.is_done() {
            self.ledger.clear(now);
        }
    }

    /// The process is gone. The messages whose file was not synced yet.
    pub(super) fn kill(&mut self) -> Vec<Row> {
        self.spilled.clear();
        self.in_hand.clear();
        self.writes.drain(..).map(|(_, row)| row).collect()
    }

    /// The machine is gone. The messages whose file was not synced yet.
    pub(super) fn power_loss(&mut self, now: SimTime, survivors: Survivors) -> Vec<Row> {
        self.ledger.power_loss(now, survivors);
        self.kill()
    }

    /// A new process reads the file.
    pub(super) fn restart(&mut self, now: SimTime) {
        self.next_try = now;
        self.spilled = self.ledger.pending().into_iter().map(|row| (row.id, row)).collect();
    }
}
