//! How many runs searches for mutants need.

use std::io::{self, Write as _};
use std::process::ExitCode;

use kafka_sim::search::mutants::{Level, Measurement, Needed, Schedules};

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
    writeln!(out, "{}", Figures::HEAD)?;
    for trial in args.trials() {
        let schedules = args.schedules(trial);
        let needed = match args.greybox {
            true => measurement.steered(trial.mutant),
            false => measurement.random(trial, schedules),
        };
        let needed = needed.map_err(Failure::usage)?;
        let search = match (args.greybox, schedules) {
            (true, _) => "greybox",
            (_, Schedules::General) => "general",
            (_, Schedules::Directed) => "directed",
        };
        let any = Figures::of(needed.iter().map(Needed::any), measurement.most);
        let judge = Figures::of(needed.iter().map(|needed| needed.judge), measurement.most);
        writeln!(out, "| {} | {search} | {any} | {judge} |", trial.mutant)?;
        out.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the seeds of general runs that break something without a flaw; the exit status is 1 if there are any.
pub(super) fn unmutated(args: &MutantsArgs) -> Result<ExitCode, Failure> {
    let measurement = measurement(args, 1);
    let failed = measurement.without_a_flaw().map_err(Failure::usage)?;
    let mut out = io::stdout().lock();
    for (seed, broken) in &failed {
        let broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
        writeln!(out, "seed {seed} broke: {}", broken.join("; "))?;
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

/// Runs needed, in the order of their numbers; those of a search that was given up are the most.
struct Figures {
    runs: Vec<u64>,
    found: usize,
}

impl Figures {
    const HEAD: &'static str = "| mutant | search | whatever breaks first: quartiles, worst, found | a promise to users: \
                                quartiles, worst, found |\n|---|---|---|---|";

    fn of(needed: impl Iterator<Item = Option<u64>>, most: u64) -> Figures {
        let needed: Vec<Option<u64>> = needed.collect();
        let mut runs: Vec<u64> = needed.iter().map(|runs| runs.unwrap_or(most)).collect();
        runs.sort_unstable();
        Figures {
            found: needed.iter().flatten().count(),
            runs,
        }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |quarter: usize| self.runs[(self.runs.len() - 1) * quarter / 4];
        let (worst, count) = (at(4), self.runs.len());
        write!(f, "{} {} {}, {worst}, {} of {count}", at(1), at(2), at(3), self.found)
    }
}
