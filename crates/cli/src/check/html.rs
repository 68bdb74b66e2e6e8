//! One run as a page.

use std::path::Path;

use kafka_sim::catalogue::{Expected, Scenario, Variant};
use kafka_sim::{Seed, diagram};

use crate::failure::Failure;

/// Draws the run of a seed: of the first variant that is expected to break, else of the first one.
pub(super) fn write(file: &Path, scenarios: &[Scenario], seed: Seed) -> Result<(), Failure> {
    let [scenario] = scenarios else {
        return Err(Failure::usage(format!(
            "--html draws one run: expected the name of one scenario, got {}",
            scenarios.len()
        )));
    };
    let breaks = |variant: &&Variant| matches!(variant.expected, Expected::Breaks { .. });
    let variant = scenario.variants.iter().find(breaks).or(scenario.variants.first());
    let variant = variant.ok_or_else(|| Failure::failed(format!("{} has no variants", scenario.name)))?;
    let run = (variant.sim)(variant, seed).and_then(kafka_sim::Sim::run);
    let run = run.map_err(Failure::failed)?;
    let title = format!("{} ({}): {}", scenario.name, variant.name, scenario.title);
    let page = diagram::html(&title, &run, &run.check(variant.promises));
    crate::page::write(file, &page)
}
