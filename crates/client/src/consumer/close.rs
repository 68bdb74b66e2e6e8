//! The end of a consumer, and leaving a group, as Kafka's `ConsumerCoordinator.close` and `onLeavePrepare`.

use kafka_sim_core::SimTime;

use super::{
    Consumer, Life, Outputs, report,
    script::Step,
    subscription::Subscription,
    types::{ConsumerError, ConsumerOutcome},
};

/// How far closing has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The last automatic commit, and commits that wait for the coordinator.
    Committing,
    /// Callbacks, and LeaveGroup.
    Leaving,
    /// Answers under way.
    Waiting,
}

impl Consumer {
    /// Gives up what is owned, as lost if the member is not properly in its group.
    pub(super) fn prepare_leave(&mut self, reason: &'static str) {
        if !self.subscription.is_by_group() {
            return;
        }
        let owned = self.owned();
        if !owned.is_empty() {
            let generation = &self.member.generation;
            let lost = match &self.modern {
                Some(modern) => modern.epoch <= 0,
                None => generation.id == -1 || generation.member_id.is_empty() || self.member.is_rebalancing(),
            };
            self.script.push_back(match lost {
                true => Step::Lost(owned.clone()),
                false => Step::Revoked(owned.clone()),
            });
            self.script.push_back(Step::Unassign(owned));
        }
        self.script.push_back(Step::Leave(reason));
    }

    /// Changes what is read, after leaving the group if there is one.
    pub(super) fn switch_to(&mut self, subscription: Subscription, partitions: Vec<kafka_sim_core::TopicPartition>) {
        self.unwinding = true;
        self.prepare_leave("the consumer unsubscribed from all topics");
        self.script.push_back(Step::Subscribe(subscription, partitions));
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.life, Life::Closing { .. })
    }

    pub(super) fn drive_close(&mut self, now: SimTime, out: &mut Outputs) -> bool {
        let Life::Closing { deadline, phase } = self.life else {
            return false;
        };
        if self.in_callback || !self.script.is_empty() || !self.commits.syncs.is_empty() {
            return false;
        }
        let late = deadline <= now;
        match phase {
            Phase::Committing => {
                self.report_completed(out);
                if self.commits.has_waiting() && !late {
                    self.look_again_at(deadline);
                    return false;
                }
                self.member.heartbeat.enabled = false;
                self.prepare_leave("the consumer is being closed");
                self.life = Life::Closing {
                    deadline,
                    phase: Phase::Leaving,
                };
            }
            Phase::Leaving => {
                self.life = Life::Closing {
                    deadline,
                    phase: Phase::Waiting,
                };
            }
            Phase::Waiting => {
                let waits = self.coordinator.is_known() && self.coordinator.is_busy();
                if waits && !late {
                    self.look_again_at(deadline);
                    return false;
                }
                self.report_completed(out);
                self.reader.network.shut_down(out);
                self.reader.kill();
                self.life = Life::Closed;
                let result = if waits { Err(ConsumerError::TimedOut) } else { Ok(()) };
                report(ConsumerOutcome::Closed { result }, out);
            }
        }
        true
    }
}
