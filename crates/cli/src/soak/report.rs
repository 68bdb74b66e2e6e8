//! What a search came to, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use kafka_sim::search::{Budget, Claim, Search, Tally};
use serde::Serialize;

use super::SoakArgs;
use super::write::Written;
use crate::failure::Failure;

/// How fast a search was.
pub(super) struct Speed {
    runs_per_second_per_core: f64,
    virtual_seconds_per_second: f64,
}

impl Speed {
    pub(super) fn of(tally: &Tally, took: Duration, threads: usize) -> Speed {
        let took = took.as_secs_f64().max(f64::MIN_POSITIVE);
        Speed {
            runs_per_second_per_core: tally.done as f64 / took / threads as f64,
            virtual_seconds_per_second: tally.done_virtual_time.as_secs_f64() / took,
        }
    }
}

#[derive(Serialize)]
struct Object<'a> {
    profile: &'a str,
    budget: Budget,
    shard: String,
    runs: u64,
    failures: u64,
    /// Runs in which something endangered the data.
    endangered: u64,
    runs_per_second_per_core: f64,
    virtual_seconds_per_second: f64,
    dangers: &'a BTreeMap<&'static str, u64>,
    found: Vec<JsonFound<'a>>,
}

#[derive(Serialize)]
struct JsonFound<'a> {
    seed: u64,
    broken: Claim,
    faults: usize,
    cures: &'a [String],
    file: String,
    reproduce: String,
}

pub(super) fn json(
    out: &mut impl Write,
    args: &SoakArgs,
    search: &Search,
    tally: &Tally,
    speed: &Speed,
    written: &[Written],
) -> Result<(), Failure> {
    let found = written.iter().map(|written| JsonFound {
        seed: written.failure.seed.0,
        broken: written.failure.broken,
        faults: written.failure.schedule.faults.len(),
        cures: &written.failure.cures,
        file: written.path.display().to_string(),
        reproduce: written.reproduce(),
    });
    let object = Object {
        profile: args.profile.name,
        budget: search.budget,
        shard: args.shard.to_string(),
        runs: tally.runs,
        failures: tally.failures,
        endangered: tally.endangered,
        runs_per_second_per_core: tenths(speed.runs_per_second_per_core),
        virtual_seconds_per_second: tenths(speed.virtual_seconds_per_second),
        dangers: &tally.dangers,
        found: found.collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &object).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

pub(super) fn text(
    out: &mut impl Write,
    args: &SoakArgs,
    search: &Search,
    tally: &Tally,
    speed: &Speed,
    written: &[Written],
) -> io::Result<()> {
    writeln!(
        out,
        "profile {}, {}: {} runs, {} in danger, {} failed",
        args.profile.name, search.budget, tally.runs, tally.endangered, tally.failures
    )?;
    writeln!(
        out,
        "{:.1} runs per second and core, {:.0} virtual seconds per second",
        speed.runs_per_second_per_core, speed.virtual_seconds_per_second
    )?;
    let met = tally.dangers.iter().filter(|(_, count)| **count > 0);
    let met: Vec<String> = met
        .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
        .collect();
    writeln!(out, "dangers met: {}", met.join(", "))?;
    for written in written {
        one(out, written)?;
    }
    Ok(())
}

fn one(out: &mut impl Write, written: &Written) -> io::Result<()> {
    let failure = &written.failure;
    let faults = failure.schedule.faults.len();
    writeln!(out, "\nseed {} BROKE: {}", failure.seed, failure.broken)?;
    writeln!(
        out,
        "  shrunk from {} faults to {faults}, and to {} messages:",
        written.faults_found, failure.world.records
    )?;
    for fault in &failure.schedule.faults {
        writeln!(out, "    {fault}")?;
    }
    match failure.cures.as_slice() {
        [] => writeln!(out, "  no single setting would have prevented it")?,
        cures => writeln!(out, "  prevented by: {}", cures.join(", or "))?,
    }
    writeln!(out, "  reproduce with: {}", written.reproduce())
}
