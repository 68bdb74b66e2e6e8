//! What has to happen in order, with callbacks of the application in between.

use kafka_sim_core::{SimTime, TopicPartition};

use super::{Consumer, Outputs, report, subscription::Subscription, types::ConsumerOutcome};

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Revoked(Vec<TopicPartition>),
    Lost(Vec<TopicPartition>),
    Assigned(Vec<TopicPartition>),
    /// Forget these partitions.
    Unassign(Vec<TopicPartition>),
    /// Own exactly these partitions.
    Own(Vec<TopicPartition>),
    /// Join again, as soon as the callbacks are over.
    Rejoin(&'static str),
    /// Leave the group.
    Leave(&'static str),
    /// What was lost is given up.
    Released,
    /// The callbacks of a reconciliation are over.
    Reconciled,
    /// Change what is subscribed to.
    Subscribe(Subscription, Vec<TopicPartition>),
}

impl Step {
    fn calls_back(&self) -> bool {
        matches!(self, Step::Revoked(_) | Step::Lost(_) | Step::Assigned(_))
    }
}

impl Consumer {
    /// Whether the application's thread is in a call that may end in a callback.
    fn may_call_back(&self) -> bool {
        self.poll_until.is_some() || self.unwinding || self.is_closing()
    }

    /// Goes on until a callback has to be waited for.
    pub(super) fn run_script(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let mut progress = false;
        while !self.in_callback
            && let Some(step) = self.script.pop_front()
        {
            if step.calls_back() && !self.may_call_back() {
                self.script.push_front(step);
                break;
            }
            progress = true;
            match step {
                Step::Revoked(partitions) => self.call_back(ConsumerOutcome::Revoked { partitions }, out),
                Step::Lost(partitions) => self.call_back(ConsumerOutcome::Lost { partitions }, out),
                Step::Assigned(partitions) => self.call_back(ConsumerOutcome::Assigned { partitions }, out),
                Step::Unassign(partitions) => self.unassign(&partitions),
                Step::Own(partitions) => self.own(&partitions),
                Step::Rejoin(reason) => self.member.request_rejoin(reason),
                Step::Released => self.released(),
                Step::Reconciled => self.reconciled(now),
                Step::Leave(_) if self.modern.is_some() => self.begin_leaving(),
                Step::Leave(reason) => self.leave(reason),
                Step::Subscribe(subscription, partitions) => {
                    self.subscription = subscription;
                    self.own(&partitions);
                    self.want_topics();
                    self.unwinding = false;
                    if let Some(modern) = &mut self.modern {
                        modern.resubscribed = true;
                    }
                }
            }
        }
        progress
    }

    fn call_back(&mut self, outcome: ConsumerOutcome, out: &mut Outputs) {
        self.in_callback = true;
        report(outcome, out);
    }

    pub(super) fn owned(&self) -> Vec<TopicPartition> {
        self.assignment().cloned().collect()
    }

    fn unassign(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.reader.remove(partition);
            self.moved.remove(partition);
        }
    }

    fn own(&mut self, partitions: &[TopicPartition]) {
        let gone: Vec<TopicPartition> = self
            .assignment()
            .filter(|owned| !partitions.contains(owned))
            .cloned()
            .collect();
        self.unassign(&gone);
        self.reader.withhold(|_| true, false);
        for partition in partitions {
            self.reader.add(partition.clone());
        }
    }
}
