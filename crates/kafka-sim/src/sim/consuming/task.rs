//! One record in the hands of a handler.

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
            _ if flagged => (Step::Leave, std::time::Duration::ZERO),
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
        let mut flag = || self.item.message.is_some_and(|message| around.desk.flag(message));
        match (self.step, self.flagging) {
            (Step::Leave, _) => {}
            (Step::Flag, _) => {
                if flag() {
                    return self.next(Step::Work, self.call.lasts, around);
                }
            }
            (Step::Work, _) if self.call.fails => return Some(false),
            (Step::Work, Flagging::Together) => return self.next(Step::Store, plan.storing, around),
            (Step::Work, Flagging::Last) => {
                witness.effect(around, &self.item);
                return self.next(Step::Store, plan.storing, around);
            }
            (Step::Work, Flagging::No | Flagging::First) => witness.effect(around, &self.item),
            (Step::Store, Flagging::Together) => {
                // Where somebody else was faster the transaction is rolled back, and the effect with it.
                if flag() {
                    witness.effect(around, &self.item);
                }
            }
            (Step::Store, _) => {
                flag();
            }
        }
        witness.processed(around, &self.item);
        Some(true)
    }

    fn next(&mut self, step: Step, lasts: std::time::Duration, around: &Around<'_>) -> Option<bool> {
        self.step = step;
        self.due = around.now + lasts;
        None
    }
}
