//! Why an effect took place more than once.

use std::collections::BTreeSet;

use kafka_sim_check::{Cause, MessageId, Observation, Place, Setting, Stage};
use kafka_sim_core::SimTime;

use super::{Followed, Told, because, nothing_named};
use crate::explain::Explainer;
use crate::explain::loss::clock;
use crate::sim::Pattern;

const FLAGS: &str = "flag store";

impl Explainer<'_> {
    pub(super) fn explain_repeated_effect(&self, group: &str, times: &[(u64, u32, MessageId)]) -> Told {
        let [first, second, ..] = times else {
            return nothing_named(Vec::new());
        };
        if first.2 != second.2 {
            return self.explain_resent(times);
        }
        let places = self.places_of(first.2);
        let Some((topic, place)) = places.first() else {
            return nothing_named(Vec::new());
        };
        if places.len() > 1 {
            let places: Vec<Place> = places.iter().map(|(_, place)| *place).collect();
            let producer = self.history.message(first.2).map(|message| message.producer);
            return self.explain_duplicate(producer, topic, &places);
        }
        let followed = Followed::of(self.history, group, topic, place.partition, place.offset);
        self.explain_redelivered(&followed, *first, *second)
    }

    fn explain_redelivered(
        &self,
        followed: &Followed,
        first: (u64, u32, MessageId),
        second: (u64, u32, MessageId),
    ) -> Told {
        let moment = |at| clock(SimTime::from_nanos(at));
        let mut story: Vec<String> = [first, second]
            .iter()
            .map(|(at, reader, message)| {
                let who = self.settings.name_of(*reader);
                format!("{} {who} did what {message} asks for", moment(*at))
            })
            .collect();
        let given = followed
            .given
            .iter()
            .map(|(at, _)| *at)
            .filter(|at| *at < second.0)
            .max()
            .unwrap_or(second.0);
        let passed = followed.passing_commit().filter(|commit| commit.0 < given);
        if let Some((at, reader, committed)) = passed {
            story.insert(
                1,
                format!(
                    "{} the commit of {committed} by {} succeeded",
                    moment(at),
                    self.settings.name_of(reader)
                ),
            );
            return self.explain_lost_commit(followed, story, given);
        }
        let Some(plan) = self.settings.consumer(second.1) else {
            return nothing_named(story);
        };
        story.insert(
            1,
            format!("{} it was handed out again: no commit had passed it", moment(given)),
        );
        let together = Setting::new(FLAGS, "flag and effect in one transaction");
        let fault = self.fault_on_member(first.1, first.0, second.0);
        if plan.pattern == Pattern::FlagAfterEffect {
            return because(story, fault, Setting::new(FLAGS, "flag after effect"), vec![together]);
        }
        let died = followed
            .died
            .iter()
            .any(|(at, reader)| *reader == first.1 && *at <= second.0);
        let lost_it = followed
            .gone
            .iter()
            .any(|(at, reader)| *reader == first.1 && *at <= second.0);
        // Not dead and yet without the partition: it had not been heard of for too long.
        if !died && (lost_it || first.1 != second.1) {
            let key = "max.poll.interval.ms";
            let limit = plan.config.max_poll_interval.as_millis().to_string();
            let longer = Setting::new(key, "longer than any batch takes");
            return because(story, fault, Setting::new(key, limit), vec![longer, together]);
        }
        because(story, fault, Setting::new(FLAGS, "none"), vec![together])
    }

    /// The application sent the same again as another message, and no flag tells the two apart.
    fn explain_resent(&self, times: &[(u64, u32, MessageId)]) -> Told {
        let story = times
            .iter()
            .map(|(at, reader, message)| {
                format!(
                    "{} {} did what {message} asks for, which is about the same thing",
                    clock(SimTime::from_nanos(*at)),
                    self.settings.name_of(*reader)
                )
            })
            .collect();
        let cause = Cause {
            fault: self.last_fault(SimTime::MAX),
            setting_allowed: vec![Setting::new("application", "sends again")],
            setting_prevents: vec![Setting::new("application", "drops repeats by business key")],
            ..Cause::in_stage(Stage::Production)
        };
        (story, cause)
    }

    /// Where a message was seen.
    fn places_of(&self, message: MessageId) -> BTreeSet<(std::sync::Arc<str>, Place)> {
        let reads = self.history.observations().filter_map(|seen| match seen {
            Observation::Read {
                topic,
                partition,
                offset,
                message: Some(read),
                ..
            } if read == message => Some((topic, Place { partition, offset })),
            _ => None,
        });
        reads.collect()
    }
}
