//! What has to happen in order, with callbacks of the application in between.

use kafka_sim_core::TopicPartition;

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
    /// Change what is subscribed to.
    Subscribe(Subscription, Vec<TopicPartition>),
}

impl Consumer {
    /// Goes on until a callback has to be waited for.
    pub(super) fn run_script(&mut self, out: &mut Outputs) -> bool {
        let mut progress = false;
        while !self.in_callback
            && let Some(step) = self.script.pop_front()
        {
            progress = true;
            match step {
                Step::Revoked(partitions) => self.call_back(ConsumerOutcome::Revoked { partitions }, out),
                Step::Lost(partitions) => self.call_back(ConsumerOutcome::Lost { partitions }, out),
                Step::Assigned(partitions) => self.call_back(ConsumerOutcome::Assigned { partitions }, out),
                Step::Unassign(partitions) => self.unassign(&partitions),
                Step::Own(partitions) => self.own(&partitions),
                Step::Rejoin(reason) => self.member.request_rejoin(reason),
                Step::Leave(reason) => self.leave(reason),
                Step::Subscribe(subscription, partitions) => {
                    self.subscription = subscription;
                    self.own(&partitions);
                    self.want_topics();
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
