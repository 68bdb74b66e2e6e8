//! Why a promise was broken: the story of a violation, told from the trace.
//!
//! The judge only knows what clients saw. Here the trace says where a record was, who had it, what took it, and which
//! setting let that happen.

mod consuming;
mod keeping;
mod loss;
mod order;
mod patterns;
mod settings;
mod trail;

use std::collections::BTreeMap;

use kafka_sim_check::{Cause, Explanation, History, Stage, Violation};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use kafka_sim_cluster::view::View;
use kafka_sim_core::SimTime;

use consuming::Spot;
pub(crate) use settings::{ProducerSettings, Settings};

/// Explains violations of one run.
pub(crate) struct Explainer<'a> {
    history: &'a History,
    events: &'a [(SimTime, Event)],
    settings: &'a Settings,
    /// By name; topics that were deleted are found by their creation.
    topics: BTreeMap<&'a str, uuid::Uuid>,
    view: &'a View,
}

impl<'a> Explainer<'a> {
    pub(crate) fn new(
        history: &'a History,
        events: &'a [(SimTime, Event)],
        view: &'a View,
        settings: &'a Settings,
    ) -> Explainer<'a> {
        let topics = events.iter().filter_map(|(_, event)| match event {
            Event::TopicCreated { topic, name, .. } => Some((&**name, *topic)),
            _ => None,
        });
        Explainer {
            history,
            events,
            settings,
            topics: topics.collect(),
            view,
        }
    }

    /// The story of one violation.
    pub(crate) fn explain(&self, violation: &Violation) -> Explanation {
        let (story, cause) = match violation {
            Violation::Lost {
                message,
                producer,
                topic,
                partition,
                offset,
                acked_at,
            } => self.explain_loss(
                *message,
                *producer,
                topic,
                *partition,
                *offset,
                SimTime::from_nanos(*acked_at),
            ),
            Violation::Duplicated {
                producer,
                topic,
                places,
                ..
            } => self.explain_duplicate(*producer, topic, places),
            Violation::Reordered {
                producer,
                topic,
                partition,
                earlier_offset,
                later_offset,
                ..
            } => self.explain_reordering(*producer, topic, *partition, *earlier_offset, *later_offset),
            Violation::InconsistentOffset {
                topic,
                partition,
                offset,
                messages,
            } => self.explain_inconsistency(topic, *partition, *offset, messages),
            Violation::Repeated { appearances, .. } => self.explain_repetition(appearances),
            Violation::KeyMoved { .. } => self.explain_moved_key(),
            Violation::Phantom { .. } => (
                vec!["the producer reported a record as refused that can be read".into()],
                Cause::in_stage(Stage::Production),
            ),
            Violation::Unresolved { .. } => (
                vec!["the producer never reported what became of the record".into()],
                Cause::in_stage(Stage::Production),
            ),
            Violation::Unprocessed {
                message,
                producer,
                group,
                topic,
                partition,
                offset,
                acked_at,
                stage,
            } => match stage {
                Some(Stage::Production | Stage::Storage) => {
                    let acked_at = SimTime::from_nanos(*acked_at);
                    self.explain_loss(*message, *producer, topic, *partition, *offset, acked_at)
                }
                _ => {
                    let offset = offset.or_else(|| self.place_seen(*message, topic, *partition));
                    self.explain_unprocessed(group, offset.map(|offset| Spot::new(topic, *partition, offset)))
                }
            },
            Violation::CommitAhead {
                group,
                topic,
                partition,
                unprocessed,
                ..
            } => self.explain_unprocessed(group, Some(Spot::new(topic, *partition, *unprocessed))),
            Violation::EffectRepeated { group, times, .. } => self.explain_repeated_effect(group.as_deref(), times),
            Violation::ProcessedOutOfOrder { .. } | Violation::TwoOwners { .. } | Violation::NotConverged { .. } => {
                (Vec::new(), Cause::in_stage(Stage::Consumption))
            }
            _ => (Vec::new(), Cause::in_stage(Stage::Storage)),
        };
        Explanation {
            violation: violation.clone(),
            story,
            cause,
        }
    }

    fn tp(&self, topic: &str, partition: i32) -> Option<Tp> {
        Some(Tp {
            topic: *self.topics.get(topic)?,
            partition,
        })
    }
}
