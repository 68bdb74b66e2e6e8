//! Who has a lane.

use std::collections::BTreeSet;

use kafka_sim_check::Observation;
use serde::Serialize;

use super::words::{broker, producer, reader};
use crate::sim::Run;

/// A horizontal line that stands for one process.
#[derive(Serialize)]
pub(super) struct Lane {
    pub(super) id: String,
    pub(super) kind: &'static str,
}

/// Producers on top, brokers in the middle, readers below.
pub(super) fn lanes(run: &Run) -> Vec<Lane> {
    let mut producers = BTreeSet::new();
    let mut readers = BTreeSet::new();
    for observation in run.history.observations() {
        match observation {
            Observation::Sent { producer, .. } => drop(producers.insert(producer)),
            Observation::Read { reader, .. } => drop(readers.insert(reader)),
            _ => {}
        }
    }
    let lane = |id: String, kind| Lane { id, kind };
    let producers = producers.into_iter().map(|index| lane(producer(index), "producer"));
    let brokers = run.view.brokers.iter().map(|view| lane(broker(view.id.0), "broker"));
    let readers = readers.into_iter().map(|index| lane(reader(index), "reader"));
    producers.chain(brokers).chain(readers).collect()
}
