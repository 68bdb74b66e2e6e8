//! Repeating a recorded run.

use kafka_sim_cluster::event::Event;
use kafka_sim_cluster::mark::MarkKind;
use kafka_sim_cluster::view::View;
use kafka_sim_cluster::{Cluster, ClusterConfig};
use kafka_sim_core::SimTime;

use super::{End, Journal, JournalError, Step};
use crate::sim::{Stop, Watch};

/// How far a replay goes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Until {
    /// Through the whole journal.
    #[default]
    End,
    /// Through everything that happened at this instant or before.
    Time(SimTime),
    /// Through the entry that brings the number of events to this or more.
    Events(u64),
    /// Through the entry that brings the n-th occurrence of a mark.
    Mark(MarkKind, u32),
}

impl From<Stop> for Until {
    fn from(stop: Stop) -> Until {
        match stop {
            Stop::Time(at) => Until::Time(at),
            Stop::Events(enough) => Until::Events(enough),
            Stop::Mark { mark, nth } => Until::Mark(mark, nth),
        }
    }
}

/// A repeated run.
#[derive(Clone, Debug)]
pub struct ReplayOutcome {
    /// Instant of the last entry that was replayed.
    pub at: SimTime,
    /// How many entries were replayed.
    pub entries: usize,
    /// Hash of the trace.
    pub hash: u64,
    /// Everything that happened.
    pub events: Vec<(SimTime, Event)>,
    /// The cluster at the end.
    pub view: View,
    /// What the recording ended with, if the replay went as far as that.
    pub recorded: Option<End>,
}

impl ReplayOutcome {
    /// Whether the replay was the recorded run; `None` if it stopped early or the recording has no end.
    pub fn is_identical(&self) -> Option<bool> {
        let recorded = self.recorded?;
        Some(recorded.hash == self.hash && recorded.events == self.events.len() as u64)
    }
}

/// Repeats a recorded run.
///
/// # Errors
/// The journal describes a cluster that cannot be made.
pub fn replay(journal: &Journal, until: Until) -> Result<ReplayOutcome, JournalError> {
    let config = ClusterConfig {
        keep_events: true,
        ..ClusterConfig::try_from(&journal.setup)?
    };
    let mut cluster = Cluster::new(config, journal.seed)?;
    let mut outputs = Vec::new();
    let mut replayed = 0;
    let mut watch = match &until {
        Until::Mark(mark, nth) => Watch::new(&Stop::Mark {
            mark: mark.clone(),
            nth: *nth,
        }),
        _ => Watch::default(),
    };
    for entry in &journal.entries {
        let stop = match &until {
            Until::End => false,
            Until::Time(last) => entry.at > *last,
            Until::Events(enough) => cluster.trace().count() >= *enough,
            Until::Mark(..) => watch.reached(cluster.trace()),
        };
        if stop {
            break;
        }
        match &entry.step {
            Step::Input(input) => cluster.handle(entry.at, input.clone(), &mut outputs),
            Step::Advance => cluster.advance(entry.at, &mut outputs),
        }
        outputs.clear();
        replayed += 1;
    }
    Ok(ReplayOutcome {
        at: cluster.now(),
        entries: replayed,
        hash: cluster.trace().hash(),
        events: cluster.trace().events().to_vec(),
        view: cluster.view(),
        recorded: journal.end.filter(|_| replayed == journal.entries.len()),
    })
}
