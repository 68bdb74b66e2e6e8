//! `kafka-sim check`: the catalogue on trial.

mod events;
mod hashes;
mod html;
mod json;
mod table;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafka_sim::Seed;
use kafka_sim::catalogue::{self, Scenario, Tally, Variant};

use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::threads::cores;
use crate::trial;

/// Seeds run when nobody says how many.
const DEFAULT_SEEDS: u64 = 20;

/// A variant and what its runs added up to.
struct Tried<'a> {
    scenario: &'a Scenario,
    variant: &'a Variant,
    tally: Tally,
}

/// Runs the scenarios; the exit status is 1 if a variant does not behave as the catalogue says.
pub(crate) fn run(args: CheckArgs) -> Result<ExitCode, Failure> {
    if args.own.is_given() {
        return trial::run(&args);
    }
    let mut scenarios = chosen(&args.names)?;
    if let Some(name) = &args.variant {
        keep_variant(&mut scenarios, name)?;
    }
    let first = args.seed.unwrap_or(0);
    let count = args
        .seeds
        .unwrap_or(if args.seed.is_some() { 1 } else { DEFAULT_SEEDS });
    let last = first.checked_add(count).filter(|_| count > 0).ok_or_else(|| {
        Failure::usage(format!(
            "--seeds {count}: expected at least 1 and no seed above {}",
            u64::MAX
        ))
    })?;
    let seeds: Vec<Seed> = (first..last).map(Seed).collect();
    if let Some(file) = &args.html {
        if args.seed.is_none() {
            return Err(Failure::usage("--html draws one run: expected --seed as well"));
        }
        html::write(file, &scenarios, Seed(first))?;
    }
    if args.events {
        return events::print(&scenarios, Seed(first));
    }
    let tried = try_all(&scenarios, &seeds)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        json::print(&mut out, &scenarios, &tried)?;
    } else if args.hashes {
        hashes::print(&mut out, &tried)?;
    } else {
        table::print(&mut out, &scenarios, &tried)?;
        if args.seed.is_some() {
            table::print_reports(&mut out, &tried)?;
        }
    }
    out.flush()?;
    drop(out);
    tell_contradictions(&tried);
    Ok(if tried.iter().all(|t| t.tally.as_expected) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn chosen(names: &[String]) -> Result<Vec<Scenario>, Failure> {
    let all = catalogue::all();
    if names.is_empty() {
        return Ok(all);
    }
    names
        .iter()
        .map(|name| {
            let found = all.iter().find(|scenario| scenario.name == name).cloned();
            found.ok_or_else(|| {
                let nearest = kafka_sim::nearest(name, all.iter().map(|scenario| scenario.name));
                let hint = nearest
                    .map(|nearest| format!(", did you mean {nearest}?"))
                    .unwrap_or_default();
                Failure::usage(format!(
                    "there is no scenario named {name}{hint} (kafka-sim scenarios lists them)"
                ))
            })
        })
        .collect()
}

/// Drops every variant that has another name.
fn keep_variant(scenarios: &mut Vec<Scenario>, name: &str) -> Result<(), Failure> {
    let names: BTreeSet<&str> = scenarios
        .iter()
        .flat_map(|s| s.variants.iter().map(|v| v.name))
        .collect();
    if !names.contains(name) {
        let names: Vec<&str> = names.into_iter().collect();
        return Err(Failure::usage(format!(
            "there is no variant named {name} among: {}",
            names.join(", ")
        )));
    }
    for scenario in scenarios.iter_mut() {
        scenario.variants.retain(|variant| variant.name == name);
    }
    scenarios.retain(|scenario| !scenario.variants.is_empty());
    Ok(())
}

fn try_all<'a>(scenarios: &'a [Scenario], seeds: &[Seed]) -> Result<Vec<Tried<'a>>, Failure> {
    let threads = cores();
    let variants: Vec<(&Scenario, &Variant)> = scenarios
        .iter()
        .flat_map(|s| s.variants.iter().map(move |v| (s, v)))
        .collect();
    let bar = progress(variants.len() as u64 * seeds.len() as u64);
    let mut tried = Vec::with_capacity(variants.len());
    for (scenario, variant) in variants {
        bar.set_message(format!("{} ({})", scenario.name, variant.name));
        let tally = catalogue::run_variant(variant, seeds, threads, &|| bar.inc(1)).map_err(Failure::failed)?;
        tried.push(Tried {
            scenario,
            variant,
            tally,
        });
    }
    bar.finish_and_clear();
    Ok(tried)
}

/// Drawn only where somebody watches: on a terminal.
fn progress(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {per_sec}, {msg}")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr()).with_style(style)
}

/// The first contradiction of each variant, and how to see it again, on standard error.
fn tell_contradictions(tried: &[Tried<'_>]) {
    let mut err = io::stderr().lock();
    for t in tried.iter().filter(|t| !t.tally.as_expected) {
        let Some((seed, text)) = &t.tally.contradiction else {
            continue;
        };
        // With standard error closed there is nobody left to tell.
        let _ = writeln!(
            err,
            "{} ({}): expected {}, got: {}\n{text}reproduce with: kafka-sim check {} --seed {}\n",
            t.scenario.name,
            t.variant.name,
            t.variant.expected.word(),
            t.tally.verdict,
            t.scenario.name,
            seed.0
        );
    }
}
