//! What a producing application keeps on its own machine.

use kafka_sim_check::History;
use kafka_sim_cluster::disk::{IoError, Survivors};
use kafka_sim_core::{ConfigError, SimTime};

use super::app::{acked, unknown};
use super::home::Home;
use super::ledger::{Ledger, Row};
use super::outbox::{Errand, Outbox};
use super::plan::{Handling, ProducerPlan, Spread};
use super::spill::Spill;

/// The database or the file, for applications that have one.
#[derive(Clone, Debug)]
pub(super) enum Keeping {
    Nothing,
    Outbox(Box<Outbox>),
    Spill(Box<Spill>),
}

impl Keeping {
    pub(super) fn of(plan: &ProducerPlan, index: u32, home: &Home) -> Result<Keeping, ConfigError> {
        if plan.handling.keeps_messages() && plan.spread == Spread::Sticky {
            return Err(ConfigError::Conflict {
                message: "an application that keeps messages on its machine notes their partitions: expected records \
                          with a partition or a key, not Spread::Sticky"
                    .into(),
            });
        }
        let ledger = || Ledger::new(home.disk, home.seed.stream("producer/disk", u64::from(index)));
        Ok(match plan.handling {
            Handling::Outbox { atomic, marking, every } => {
                Keeping::Outbox(Box::new(Outbox::new(atomic, marking, every, ledger())))
            }
            Handling::Spill { fsync, every } => Keeping::Spill(Box::new(Spill::new(fsync, every, ledger()))),
            Handling::Note | Handling::Ignore | Handling::SendAgain { .. } => Keeping::Nothing,
        })
    }

    pub(super) fn next_due(&self) -> Option<SimTime> {
        match self {
            Keeping::Nothing => None,
            Keeping::Outbox(outbox) => outbox.next_due(),
            Keeping::Spill(spill) => spill.next_due(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        match self {
            Keeping::Nothing => true,
            Keeping::Outbox(outbox) => outbox.is_done(),
            Keeping::Spill(spill) => spill.is_done(),
        }
    }

    /// Messages that are kept at the moment.
    pub(super) fn in_hand(&self) -> usize {
        match self {
            Keeping::Nothing => 0,
            Keeping::Outbox(outbox) => outbox.in_hand(),
            Keeping::Spill(spill) => spill.in_hand(),
        }
    }

    pub(super) fn advance(&mut self, now: SimTime) -> Vec<Errand> {
        match self {
            Keeping::Nothing => Vec::new(),
            Keeping::Outbox(outbox) => outbox.advance(now),
            Keeping::Spill(spill) => spill.advance(now),
        }
    }

    /// Takes note of what became of a message. False: it is not one that is kept.
    pub(super) fn learn(&mut self, now: SimTime, id: u64, success: bool) -> bool {
        match self {
            Keeping::Outbox(outbox) => outbox.learn(now, id, success),
            Keeping::Spill(spill) if spill.has(id) => spill.learn(now, id, success),
            Keeping::Nothing | Keeping::Spill(_) => return false,
        }
        true
    }

    pub(super) fn is_outbox(&self) -> bool {
        matches!(self, Keeping::Outbox(_))
    }

    pub(super) fn is_spill(&self) -> bool {
        matches!(self, Keeping::Spill(_))
    }

    /// Keeps a message: a new one in an outbox, one that the producer gave up in a file.
    ///
    /// # Errors
    /// The disk did not take it.
    pub(super) fn take(&mut self, now: SimTime, row: Row) -> Result<(), IoError> {
        match self {
            Keeping::Nothing => Ok(()),
            Keeping::Outbox(outbox) => outbox.take(now, row),
            Keeping::Spill(spill) => spill.take(now, row),
        }
    }

    /// The process dies; with `power`, its machine does.
    pub(super) fn die(&mut self, now: SimTime, power: Option<Survivors>, history: &mut History) {
        match self {
            Keeping::Nothing => {}
            Keeping::Outbox(outbox) => match power {
                Some(survivors) => {
                    for row in outbox.power_loss(now, survivors) {
                        unknown(now, row.id, history);
                    }
                }
                // The database lives on and finishes: the row is there.
                None => {
                    for row in outbox.kill() {
                        acked(now, row.id, row.partition, None, history);
                    }
                }
            },
            Keeping::Spill(spill) => {
                let untold = match power {
                    Some(survivors) => spill.power_loss(now, survivors),
                    None => spill.kill(),
                };
                for row in untold {
                    unknown(now, row.id, history);
                }
            }
        }
    }

    pub(super) fn restart(&mut self, now: SimTime) {
        match self {
            Keeping::Nothing => {}
            Keeping::Outbox(outbox) => outbox.restart(now),
            Keeping::Spill(spill) => spill.restart(now),
        }
    }
}
