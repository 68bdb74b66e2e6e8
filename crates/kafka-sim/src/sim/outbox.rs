//! The outbox: a message is a row in the application's database before it is sent.
//!
//! The database is another process on the application's machine. It finishes what it was told when the application is
//! killed, and has what was synced when the machine loses power.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kafka_sim_cluster::disk::{IoError, Survivors};
use kafka_sim_core::SimTime;

use super::ledger::{Kind, Ledger, Row};
use super::plan::Marking;

/// A transaction whose sync is under way.
#[derive(Clone, Copy, Debug)]
enum Commit {
    /// The business row, alone or with its message.
    Business(Row),
    /// The message of a business row that was committed before.
    Message(Row),
    /// The mark that the message was sent.
    Mark(Row),
}

/// What the application has to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Errand {
    /// The business row is there for good: whoever asked for it is told that all is well.
    Promise(Row),
    /// The message is to be handed to the producer.
    Send(Row),
}

/// The two tables and the background job.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    atomic: bool,
    marking: Marking,
    every: Duration,
    ledger: Ledger,
    commits: VecDeque<(SimTime, Commit)>,
    pending: BTreeMap<u64, Row>,
    /// Pending messages that the job is busy with.
    in_hand: BTreeSet<u64>,
    next_look: SimTime,
}

impl Outbox {
    pub(super) fn new(atomic: bool, marking: Marking, every: Duration, ledger: Ledger) -> Outbox {
        Outbox {
            atomic,
            marking,
            every,
            ledger,
            commits: VecDeque::new(),
            pending: BTreeMap::new(),
            in_hand: BTreeSet::new(),
            next_look: SimTime::ZERO,
        }
    }

    /// Begins the transaction that a new message is part of.
    ///
    /// # Errors
    /// The database could not write, and there is neither row nor message.
    pub(super) fn take(&mut self, now: SimTime, row: Row) -> Result<(), IoError> {
        // What is one transaction is one entry of the database's log.
        let kind = if self.atomic { Kind::Pending } else { Kind::Business };
        self.ledger.write(now, kind, row)?;
        self.commit(now, Commit::Business(row))
    }

    fn commit(&mut self, now: SimTime, commit: Commit) -> Result<(), IoError> {
        let durable = self.ledger.sync(now)?;
        self.commits.push_back((durable, commit));
        Ok(())
    }

    pub(super) fn next_due(&self) -> Option<SimTime> {
        let idle = self.pending.len() > self.in_hand.len();
        let look = idle.then_some(self.next_look);
        self.commits.front().map(|(at, _)| *at).into_iter().chain(look).min()
    }

    /// Nothing is under way and everything was sent and marked.
    pub(super) fn is_done(&self) -> bool {
        self.commits.is_empty() && self.pending.is_empty()
    }

    /// Messages on their way through the tables.
    pub(super) fn in_hand(&self) -> usize {
        let new = self
            .commits
            .iter()
            .filter(|(_, commit)| !matches!(commit, Commit::Mark(_)));
        self.pending.len() + new.count()
    }

    /// Does what is due.
    pub(super) fn advance(&mut self, now: SimTime) -> Vec<Errand> {
        let mut errands = Vec::new();
        while let Some((_, commit)) = self.commits.pop_front_if(|(at, _)| *at <= now) {
            self.committed(now, commit, &mut errands);
        }
        if self.next_look <= now && self.pending.len() > self.in_hand.len() {
            self.look(now, &mut errands);
        }
        errands
    }

    fn committed(&mut self, now: SimTime, commit: Commit, errands: &mut Vec<Errand>) {
        match commit {
            Commit::Business(row) => {
                errands.push(Errand::Promise(row));
                if self.atomic {
                    self.pending.insert(row.id, row);
                } else if self.ledger.write(now, Kind::Pending, row).is_ok() {
                    // Where the second transaction fails there is a row without a message, as after a kill.
                    let _ = self.commit(now, Commit::Message(row));
                }
            }
            Commit::Message(row) => {
                self.pending.insert(row.id, row);
            }
            Commit::Mark(row) => {
                self.in_hand.remove(&row.id);
                if self.pending.remove(&row.id).is_some() && self.marking == Marking::BeforeSend {
                    errands.push(Errand::Send(row));
                }
            }
        }
    }

    fn look(&mut self, now: SimTime, errands: &mut Vec<Errand>) {
        self.next_look = now + self.every;
        let idle = self.pending.values().filter(|row| !self.in_hand.contains(&row.id));
        let idle: Vec<Row> = idle.copied().collect();
        for row in idle {
            self.in_hand.insert(row.id);
            match self.marking {
                Marking::AfterAck => errands.push(Errand::Send(row)),
                Marking::BeforeSend => self.mark(now, row),
            }
        }
    }

    fn mark(&mut self, now: SimTime, row: Row) {
        let marked = self.ledger.write(now, Kind::Done, row);
        if marked.and_then(|()| self.commit(now, Commit::Mark(row))).is_err() {
            self.in_hand.remove(&row.id);
        }
    }

    /// The producer told what became of a message.
    pub(super) fn learn(&mut self, now: SimTime, id: u64, acked: bool) {
        let Some(row) = self.pending.get(&id).copied() else {
            return;
        };
        if acked {
            self.mark(now, row);
        } else {
            self.in_hand.remove(&id);
        }
    }

    /// The application is gone. Its database finishes the transactions it has: the rows that come to be by that.
    pub(super) fn kill(&mut self) -> Vec<Row> {
        self.pending.clear();
        self.in_hand.clear();
        self.unfinished()
    }

    /// The machine is gone. The rows whose transactions nobody can say anything of.
    pub(super) fn power_loss(&mut self, now: SimTime, survivors: Survivors) -> Vec<Row> {
        self.ledger.power_loss(now, survivors);
        self.kill()
    }

    fn unfinished(&mut self) -> Vec<Row> {
        let business = |(_, commit)| match commit {
            Commit::Business(row) => Some(row),
            Commit::Message(_) | Commit::Mark(_) => None,
        };
        self.commits.drain(..).filter_map(business).collect()
    }

    /// A new process finds the table as it is.
    pub(super) fn restart(&mut self, now: SimTime) {
        self.next_look = now;
        self.pending = self.ledger.pending().into_iter().map(|row| (row.id, row)).collect();
    }
}
