//! Names of what is shown.

use std::collections::{BTreeMap, BTreeSet};

use kafka_sim_check::{MessageId, Report, Violation};
use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::peer::Tp;

use crate::sim::Run;

pub(super) fn producer(index: u32) -> String {
    format!("producer {index}")
}

pub(super) fn broker(id: i32) -> String {
    format!("broker {id}")
}

pub(super) fn reader(index: u32) -> String {
    format!("reader {index}")
}

/// The partitions of a run by the names of their topics.
pub(super) struct Names<'a> {
    partitions: BTreeMap<(&'a str, i32), Tp>,
}

impl<'a> Names<'a> {
    pub(super) fn of(run: &'a Run) -> Names<'a> {
        let mut partitions = BTreeMap::new();
        for (_, event) in &run.events {
            if let Event::TopicCreated {
                topic,
                name,
                partitions: count,
            } = event
            {
                for partition in 0..*count {
                    partitions.insert(
                        (&**name, partition),
                        Tp {
                            topic: *topic,
                            partition,
                        },
                    );
                }
            }
        }
        Names { partitions }
    }

    /// Those of topics that clients use.
    pub(super) fn partitions(&self) -> impl Iterator<Item = (&'a str, Tp)> {
        let shown = self.partitions.iter().filter(|((name, _), _)| !name.starts_with("__"));
        shown.map(|((name, _), tp)| (*name, *tp))
    }
}

/// The messages for whose sake promises were broken.
pub(super) fn suspects(report: &Report) -> BTreeSet<MessageId> {
    let mut suspects = BTreeSet::new();
    for violation in report.verdict.violations() {
        match violation {
            Violation::Lost { message, .. }
            | Violation::Duplicated { message, .. }
            | Violation::Phantom { message, .. }
            | Violation::Unresolved { message, .. } => drop(suspects.insert(*message)),
            Violation::Reordered { earlier, later, .. } => suspects.extend([*earlier, *later]),
            Violation::InconsistentOffset { messages, .. } => suspects.extend(messages.iter().flatten()),
            Violation::Repeated { appearances, .. } => suspects.extend(appearances.iter().map(|(_, _, id)| *id)),
            _ => {}
        }
    }
    suspects
}
