//! What the page is drawn from.

use std::collections::BTreeSet;

use kafka_sim_check::Report;
use serde::Serialize;

use super::arrows::{Arrow, arrows};
use super::lanes::{Lane, lanes};
use super::notes::{Bar, Note, fault_bars, notes};
use super::replicas::{Curves, curves};
use super::words::Names;
use crate::sim::Run;

/// Everything on the page that depends on the run. Instants are milliseconds since the start of the cluster.
#[derive(Serialize)]
pub(super) struct Diagram {
    /// When the workload began, everything was healed, and the run was over.
    pub(super) began: f64,
    pub(super) healed: f64,
    pub(super) ended: f64,
    pub(super) lanes: Vec<Lane>,
    pub(super) partitions: Vec<Partition>,
    pub(super) faults: Vec<Bar>,
    pub(super) notes: Vec<Note>,
}

/// What concerns one partition.
#[derive(Serialize)]
pub(super) struct Partition {
    pub(super) name: String,
    /// Messages in it that a promise was broken for.
    pub(super) broken: usize,
    pub(super) arrows: Vec<Arrow>,
    pub(super) notes: Vec<Note>,
    pub(super) curves: Curves,
}

impl Diagram {
    pub(super) fn of(run: &Run, report: &Report) -> Diagram {
        let names = Names::of(run);
        let suspects = super::words::suspects(report);
        let partitions = names.partitions().map(|(name, tp)| {
            let arrows = arrows(run, name, tp, &suspects);
            Partition {
                name: format!("{name}-{}", tp.partition),
                broken: suspects_among(&arrows),
                arrows,
                notes: notes(run, Some(tp)),
                curves: curves(run, tp),
            }
        });
        Diagram {
            began: millis(run.started_at.as_nanos()),
            healed: millis(run.healed_at.as_nanos()),
            ended: millis(run.ended_at.as_nanos()),
            lanes: lanes(run),
            partitions: partitions.collect(),
            faults: fault_bars(run),
            notes: notes(run, None),
        }
    }
}

fn suspects_among(arrows: &[Arrow]) -> usize {
    let suspects = arrows.iter().filter(|arrow| arrow.broken);
    suspects.map(|arrow| &arrow.message).collect::<BTreeSet<_>>().len()
}

/// Milliseconds to the microsecond: for eyes, not for decisions.
pub(super) fn millis(nanos: u64) -> f64 {
    (nanos / 1_000) as f64 / 1_000.0
}
