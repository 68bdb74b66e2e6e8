//! `kafka-sim scenarios`: what is in the catalogue.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use kafka_sim::catalogue;

use crate::failure::Failure;

/// Lists every scenario with its variants.
pub(crate) fn run() -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    for scenario in catalogue::all() {
        let numbers = [scenario.refs, scenario.advice].concat().join(" ");
        writeln!(out, "{} [{numbers}]: {}", scenario.name, scenario.title)?;
        writeln!(out, "  faults: {}", scenario.faults)?;
        for variant in &scenario.variants {
            let settings: Vec<String> = variant
                .settings
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            writeln!(
                out,
                "  {} must {}: {}",
                variant.name,
                must(variant.expected),
                settings.join(" ")
            )?;
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn must(expected: catalogue::Expected) -> String {
    match expected {
        catalogue::Expected::Holds => "hold".to_owned(),
        catalogue::Expected::Breaks { allowed_by } => format!("break because of {allowed_by}"),
    }
}
