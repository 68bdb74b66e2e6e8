//! Why a promise was broken: the story of a violation, told from the trace.
//!
//! The judge only knows what clients saw. Here the trace says where a record was, who had it, what took it, and which
//! setting let that happen.

mod group;
mod keeping;
mod loss;
mod order;
mod settings;
mod trail;

use std::collections::BTreeMap;

use kafka_sim_check::{Cause, Explanation, History, Stage, Violation};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;
use kafka_sim_cluster::view::View;
use kafka_sim_core::SimTime;

pub(crate) use settings::{ProducerSettings, Settings};

/// Explains violations of one run.
pub(crate) struct Explainer<'a> {
    history: &'a History,
    events: &'a [(SimTime, Event)],
    settings: &'a Settings,
    /// By name, each with the moment of its creation; a name can stand for several, one after the other.
    topics: BTreeMap<&'a str, Vec<(SimTime, uuid::Uuid)>>,
    view: &'a View,
}

impl<'a> Explainer<'a> {
    pub(crate) fn new(
        history: &'a History,
        events: &'a [(SimTime, Event)],
        view: &'a View,
        settings: &'a Settings,
    ) -> Explainer<'a> {
        let mut topics: BTreeMap<&str, Vec<(SimTime, uuid::Uuid)>> = BTreeMap::new();
        for (at, event) in events {
            if let Event::TopicCreated { topic, name, .. } = event {
                topics.entry(name).or_default().push((*at, *topic));
            }
        }
        Explainer {
            history,
            events,
            settings,
            topics,
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
            other => self.explain_group(other),
        };
        Explanation {
            violation: violation.clone(),
            story,
            cause,
        }
    }

    fn tp(&self, topic: &str, partition: i32) -> Option<Tp> {
        self.tp_at(topic, partition, SimTime::MAX)
    }

    /// What the name stood for at that moment.
    fn tp_at(&self, topic: &str, partition: i32, at: SimTime) -> Option<Tp> {
        let created = self.topics.get(topic)?;
        let (_, topic) = *created.iter().rfind(|(created, _)| *created <= at)?;
        Some(Tp { topic, partition })
    }
}
