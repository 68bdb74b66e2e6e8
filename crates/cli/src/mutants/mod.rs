//! `kafka-sim mutants`: whether searching finds planted flaws.

mod report;

use std::io::{self, Write as _};
use std::process::ExitCode;

use kafka_sim::search::mutants::{Hunted, Mutant, Trial};

use crate::failure::Failure;
use report::Line;

/// Arguments of `mutants`.
#[derive(clap::Args)]
pub(crate) struct MutantsArgs {
    /// Mutants to hunt; all of them if none is named.
    #[arg(value_name = "NAME")]
    names: Vec<Mutant>,
    /// Seeds to try for each, instead of the number that each states.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// Hunts every mutant; the exit status is 1 if one survives.
pub(crate) fn run(args: MutantsArgs) -> Result<ExitCode, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted = |trial: &&Trial| args.names.is_empty() || args.names.contains(&trial.mutant);
    let mut out = io::stdout().lock();
    let mut lines = Vec::new();
    for trial in Trial::ALL.iter().filter(wanted) {
        let hunted: Hunted = trial
            .hunt(args.seeds.unwrap_or(trial.seeds), threads)
            .map_err(Failure::usage)?;
        let line = Line::new(trial, &hunted);
        if !args.json {
            report::text(&mut out, &line)?;
            out.flush()?;
        }
        lines.push(line);
    }
    let survived = lines.iter().filter(|line| !line.caught).count();
    if args.json {
        report::json(&mut out, &lines, survived)?;
    } else {
        writeln!(out, "mutants: {} caught, {survived} survived", lines.len() - survived)?;
    }
    Ok(if survived == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
