//! Every event of one run.

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;

use kafka_sim::catalogue::Scenario;
use kafka_sim::{Seed, Sim};

use crate::failure::Failure;

/// One event per line, with its instant, in the order of the trace.
pub(super) fn print(scenarios: &[Scenario], seed: Seed) -> Result<ExitCode, Failure> {
    let variants: Vec<_> = scenarios.iter().flat_map(|scenario| &scenario.variants).collect();
    let [variant] = variants[..] else {
        return Err(Failure::usage(format!(
            "--events prints one run: expected a scenario and a --variant of it, got {} variants",
            variants.len()
        )));
    };
    let run = (variant.sim)(variant, seed)
        .and_then(Sim::run)
        .map_err(Failure::failed)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for (at, event) in &run.events {
        writeln!(out, "{at} {event:?}")?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
