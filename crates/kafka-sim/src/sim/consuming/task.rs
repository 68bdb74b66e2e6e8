//! One record in the hands of a handler.

use std::time::Duration;

use kafka_sim_check::MessageId;
use kafka_sim_core::{SimTime, TopicPartition};

use super::Around;
use super::desk::Call;
use super::plan::{ConsumerPlan, Flagging};
use super::witness::Witness;

/// A record to be processed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Item {
    pub(super) tp: TopicPartition,
    pub(super) offset: i64,
    /// The message found in it, or none if its bytes are not one of ours.
    pub(super) message: Option<MessageId>,
}

/// What the handler is busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// It has found the flag set and returns.
    Leave,
    /// It sets the flag.
    Flag,
    /// It works.
    Work,
    /// It stores flag, or flag and effect.
    Store,
}

/// A call of the handler.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) item: Item,
    flagging: Flagging,
    step: Step,
    call: Call,
    pub(super) due: SimTime,
}

impl Task {
    pub(super) fn begin(item: Item, plan: &ConsumerPlan, around: &mut Around<'_>) -> Task {
        let call = around.desk.call(plan, &item);
        // A record that is not one of ours has nothing to be known again by.
        let flagging = item.message.map_or(Flagging::No, |_| plan.pattern.flagging());
        let flagged = item.message.is_some_and(|message| around.desk.is_flagged(message));
        let (step, lasts) = match flagging {
            Flagging::No => (Step::Work, call.lasts),
            _ if flagged => (Step::Leave, Duration::ZERO),
            Flagging::First => (Step::Flag, plan.storing),
            Flagging::Together | Flagging::Last => (Step::Work, call.lasts),
        };
        Task {
            item,
            flagging,
            step,
            call,
            due: around.now + lasts,
        }
    }

    /// Ends the step. The handler's outcome if it was the last: whether it went well.
    pub(super) fn go_on(&mut self, plan: &ConsumerPlan, witness: &Witness, around: &mut Around<'_>) -> Option<bool> {
        match (self.step, self.flagging) {
            (Step::Leave, _) => return Some(self.leave(witness, around)),
            (Step::Flag, _) if self.flag(around) => return self.next(Step::Work, self.call.lasts, around),
            (Step::Flag, _) => return Some(self.leave(witness, around)),
            (Step::Work, _) if self.call.fails => return Some(false),
            (Step::Work, Flagging::Together) => return self.next(Step::Store, plan.storing, around),
            (Step::Work, Flagging::Last) => {
                self.effect(witness, around);
                return self.next(Step::Store, plan.storing, around);
            }
            (Step::Work, Flagging::No | Flagging::First) => self.effect(witness, around),
            (Step::Store, Flagging::Together) => {
                // Where somebody else was faster the transaction is rolled back, and the effect with it.
                if self.flag(around) {
                    self.effect(witness, around);
                }
            }
            (Step::Store, _) => {
                self.flag(around);
            }
        }
        witness.processed(around, &self.item);
        Some(true)
    }

    /// The flag was set: nothing is left to do. The record counts as processed only if what the flag stands for took
    /// place.
    fn leave(&self, witness: &Witness, around: &mut Around<'_>) -> bool {
        if self.item.message.is_some_and(|message| around.desk.has_effect(message)) {
            witness.processed(around, &self.item);
        }
        true
    }

    /// Sets the flag. False: it was set before.
    fn flag(&self, around: &mut Around<'_>) -> bool {
        self.item.message.is_some_and(|message| around.desk.flag(message))
    }

    fn effect(&self, witness: &Witness, around: &mut Around<'_>) {
        let Some(message) = self.item.message else { return };
        witness.effect(around, message);
        if self.flagging != Flagging::No {
            around.desk.effect(message);
        }
    }

    fn next(&mut self, step: Step, lasts: Duration, around: &Around<'_>) -> Option<bool> {
        self.step = step;
        self.due = around.now + lasts;
        None
    }
}
