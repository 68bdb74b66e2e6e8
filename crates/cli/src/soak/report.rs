//! What a search came to, for people.

use std::io::{self, Write};

use kafka_sim::search::{FoundReport, SearchReport};

use super::write::Written;

/// The report, with the faults of failures as far as these were found here.
pub(super) fn text(out: &mut impl Write, report: &SearchReport, written: &[Written]) -> io::Result<()> {
    writeln!(
        out,
        "profile {}, {}: {} runs, {} in danger, {} failed",
        report.profile, report.budget, report.runs, report.endangered, report.failures
    )?;
    writeln!(
        out,
        "{:.1} runs per second and core, {:.0} virtual seconds per second",
        report.runs_per_second_per_core, report.virtual_seconds_per_second
    )?;
    let met = report.dangers.iter().filter(|(_, count)| **count > 0);
    let met: Vec<String> = met
        .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
        .collect();
    writeln!(out, "dangers met: {}", met.join(", "))?;
    if report.greybox {
        writeln!(out, "combinations met: {}", report.combinations)?;
    }
    for found in &report.found {
        let here = written.iter().find(|written| written.failure.seed.0 == found.seed);
        one(out, found, here)?;
    }
    Ok(())
}

fn one(out: &mut impl Write, found: &FoundReport, written: Option<&Written>) -> io::Result<()> {
    writeln!(out, "\nseed {} BROKE: {}", found.seed, found.broken)?;
    match written {
        Some(written) => {
            let (failure, faults) = (&written.failure, written.faults_found);
            let messages = failure.world.records;
            writeln!(
                out,
                "  shrunk from {faults} faults to {}, and to {messages} messages:",
                found.faults
            )?;
            for fault in &failure.schedule.faults {
                writeln!(out, "    {fault}")?;
            }
        }
        None => writeln!(out, "  shrunk to {} faults, in {}", found.faults, found.file)?,
    }
    match found.cures.as_slice() {
        [] => writeln!(out, "  no single setting would have prevented it")?,
        cures => writeln!(out, "  prevented by: {}", cures.join(", or "))?,
    }
    writeln!(out, "  reproduce with: {}", found.reproduce)
}
