//! One self-contained page that shows what happened in a run: a space-time diagram.
//!
//! A lane per client and broker, arrows for messages on their way, bars for faults, elections, and below them the ISR,
//! the log ends, high watermarks and durable ends over time. The way of messages that a promise was broken for is
//! highlighted. The page loads nothing from anywhere.

mod arrows;
mod data;
mod lanes;
mod notes;
mod page;
mod replicas;
mod words;

use kafka_sim_check::Report;

use crate::sim::Run;

/// The page of one run and the report on it, as HTML.
///
/// The run must have kept its events ([`Sim::keep_events`](crate::Sim::keep_events), which is on unless switched
/// off): without them the page shows what clients saw and nothing of the cluster.
///
/// ```
/// use kafka_sim::{ProducerPlan, Promise, Seed, Sim, Topic, diagram};
///
/// let run = Sim::new(Seed(1))
///     .topic(Topic::named("orders").replicas(3))
///     .producer(ProducerPlan::to("orders").records(5))
///     .run()?;
/// let page = diagram::html("five orders", &run, &run.check(&[Promise::AckedSurvives]));
/// assert!(page.starts_with("<!doctype html>"));
/// # Ok::<(), kafka_sim::ConfigError>(())
/// ```
pub fn html(title: &str, run: &Run, report: &Report) -> String {
    page::render(title, &data::Diagram::of(run, report), run, report)
}
