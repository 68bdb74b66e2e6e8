//! How many runs searches for mutants need.

use std::io::{self, Write as _};
use std::process::ExitCode;

use kafka_sim::search::mutants::{Figures, Level, Measurement, Needed};
use kafka_sim::search::{Budget, FailureFile, shrink};

use super::MutantsArgs;
use crate::failure::Failure;

/// Runs after which a search is given up if nobody says otherwise.
const MOST: u64 = 1_000;

fn measurement(args: &MutantsArgs, repeats: u64) -> Measurement {
    Measurement {
        first_seed: args.first_seed,
        repeats,
        most: args.seeds.unwrap_or(MOST),
        until: if args.judge { Level::Judge } else { Level::Invariant },
        threads: args.threads(),
    }
}

/// Prints, for each mutant, after how many runs the searches found it.
pub(super) fn all(args: &MutantsArgs, repeats: u64) -> Result<ExitCode, Failure> {
    let measurement = measurement(args, repeats);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| mutant | search | runs until anything breaks: quartiles | until a promise to users does |\n|---|---|---|---|"
    )?;
    for trial in args.trials() {
        let schedules = args.schedules(trial);
        let needed = match args.greybox {
            true => measurement.steered(trial.mutant),
            false => measurement.random(trial, schedules),
        };
        let needed = needed.map_err(Failure::usage)?;
        let search = if args.greybox {
            "greybox"
        } else {
            trial.search(schedules)
        };
        let any = Figures::of(needed.iter().map(Needed::any), measurement.most);
        let judge = Figures::of(needed.iter().map(|needed| needed.judge), measurement.most);
        writeln!(out, "| {} | {search} | {any} | {judge} |", trial.mutant)?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shrinks and writes down general runs that break something without a flaw; the exit status is 1 if there are any.
pub(super) fn unmutated(args: &MutantsArgs) -> Result<ExitCode, Failure> {
    let measurement = measurement(args, 1);
    let failed = measurement.without_a_flaw().map_err(Failure::usage)?;
    let mut out = io::stdout().lock();
    for (world, found) in &failed {
        let shrunk = shrink(world, found.seed, &found.schedule, found.claim);
        let failure = FailureFile::of(
            "general",
            Budget::Beyond,
            shrunk.world,
            found.seed,
            shrunk.schedule,
            found.claim,
        );
        let failure = failure.map_err(Failure::usage)?;
        let path = failure.write_into(&args.out).map_err(Failure::usage)?;
        writeln!(
            out,
            "seed {} broke: {}, see {}",
            found.seed,
            found.claim,
            path.display()
        )?;
        for fault in &failure.schedule.faults {
            writeln!(out, "    {fault}")?;
        }
    }
    writeln!(
        out,
        "without a flaw: {} of {} runs broke something",
        failed.len(),
        measurement.most
    )?;
    Ok(if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
