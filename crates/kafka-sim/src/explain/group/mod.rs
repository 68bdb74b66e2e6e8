//! Why a group broke a promise: what its members did with a record, and which setting or habit of the application let
//! the record go, or come back.

mod follow;
mod recreated;
mod repeat;
mod skip;

use kafka_sim_check::{Cause, MessageId, Setting, Stage, Violation};
use kafka_sim_cluster::event::Event;
use kafka_sim_core::SimTime;

use super::Explainer;
use super::loss::clock;
use follow::Followed;

/// What was told before anyone looked for a cause.
type Told = (Vec<String>, Cause);

/// Nothing that a setting allowed.
fn nothing_named(story: Vec<String>) -> Told {
    (story, Cause::in_stage(Stage::Consumption))
}

fn because(story: Vec<String>, fault: Option<String>, allowed: Setting, prevents: Vec<Setting>) -> Told {
    let cause = Cause {
        fault,
        setting_allowed: vec![allowed],
        setting_prevents: prevents,
        ..Cause::in_stage(Stage::Consumption)
    };
    (story, cause)
}

impl Explainer<'_> {
    /// The story of a breach of a promise about groups.
    pub(super) fn explain_group(&self, violation: &Violation) -> Told {
        match violation {
            Violation::Unprocessed {
                message,
                producer,
                group,
                topic,
                partition,
                offset,
                acked_at,
                stage,
            } => {
                let acked_at = SimTime::from_nanos(*acked_at);
                let place = offset.or_else(|| self.offset_seen(*message));
                if let Some(told) = self.explain_deleted(topic, *partition, acked_at) {
                    return told;
                }
                match (stage, place) {
                    (Some(Stage::Consumption) | None, Some(offset)) => {
                        let followed = Followed::of(self.history, group, topic, *partition, offset);
                        self.explain_skip(&followed, u64::MAX)
                    }
                    _ => {
                        let (story, cause) =
                            self.explain_loss(*message, *producer, topic, *partition, *offset, acked_at);
                        let stage = stage.unwrap_or(cause.stage);
                        (story, Cause { stage, ..cause })
                    }
                }
            }
            Violation::CommitAhead {
                group,
                topic,
                partition,
                unprocessed,
                at,
                ..
            } => {
                let followed = Followed::of(self.history, group, topic, *partition, *unprocessed);
                self.explain_skip(&followed, *at)
            }
            Violation::EffectRepeated {
                group: Some(group),
                times,
                ..
            } => self.explain_repeated_effect(group, times),
            Violation::ProcessedOutOfOrder {
                group,
                producer,
                earlier,
                later,
                later_at,
                ..
            } => self.explain_processing_order(group, *producer, *earlier, *later, *later_at),
            Violation::TwoOwners { since, .. } => nothing_named(vec![format!(
                "{} the coordinator gave the partition to a second member and went on accepting commits of the first",
                clock(SimTime::from_nanos(*since))
            )]),
            Violation::NotConverged { .. } => self.explain_unrest(),
            _ => nothing_named(Vec::new()),
        }
    }

    /// A coordinator that lost the group lets members of the classic protocol join again. Those of the consumer protocol
    /// are told that there is no such group (GROUP_ID_NOT_FOUND), which their clients take for fatal.
    fn explain_unrest(&self) -> Told {
        let mut story =
            vec!["everything was healed, and yet the group did not come to rest in the time that it was given".into()];
        let key = "offsets.topic.replication.factor";
        let lost = self.events.iter().find_map(|(at, event)| match event {
            Event::BrokerPowerLost { broker, lost_bytes } if *lost_bytes > 0 => Some((*at, broker.0)),
            _ => None,
        });
        let Some((at, broker)) = lost.filter(|_| self.settings.broker(key, "3") == "1") else {
            return nothing_named(story);
        };
        story.insert(
            0,
            format!(
                "{} broker {broker} lost power, and with it the only copy of what it knew of groups",
                clock(at)
            ),
        );
        story.push("members of the consumer protocol that a coordinator does not know of do not join again".into());
        because(
            story,
            self.last_fault(at),
            Setting::new(key, "1"),
            vec![Setting::new(key, "3")],
        )
    }

    fn explain_processing_order(
        &self,
        group: &str,
        producer: u32,
        earlier: MessageId,
        later: MessageId,
        later_at: u64,
    ) -> Told {
        let (Some(first), Some(second)) = (self.place_of(earlier), self.place_of(later)) else {
            return nothing_named(Vec::new());
        };
        if (&first.0, first.1) != (&second.0, second.1) {
            return self.explain_moved_key();
        }
        if second.2 < first.2 {
            return self.explain_reordering(producer, &first.0, first.1, first.2, second.2);
        }
        let followed = Followed::of(self.history, group, &second.0, second.1, second.2);
        let Some(plan) = followed
            .processed_by()
            .and_then(|reader| self.settings.consumer(reader))
        else {
            return nothing_named(Vec::new());
        };
        let story = vec![format!(
            "{} a worker finished with {later} while another, or a later call, still had {earlier} to do",
            clock(SimTime::from_nanos(later_at))
        )];
        let workers = plan.pattern.workers();
        if workers > 1 {
            let allowed = Setting::new("workers", workers.to_string());
            return because(story, None, allowed, vec![Setting::new("workers", "one for each key")]);
        }
        because(
            story,
            self.last_fault(SimTime::from_nanos(later_at)),
            Setting::new("application", "skips what failed"),
            vec![Setting::new("application", "stops at what failed")],
        )
    }

    /// Topic, partition and offset at which a message was acknowledged or seen.
    fn place_of(&self, message: MessageId) -> Option<(String, i32, i64)> {
        let known = self.history.message(message)?;
        let offset = match known.outcome {
            Some(kafka_sim_check::Outcome::Acked {
                offset: Some(offset), ..
            }) => Some(offset),
            _ => self.offset_seen(message),
        };
        Some((known.topic.to_owned(), known.partition?, offset?))
    }
}
