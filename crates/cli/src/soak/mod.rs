//! `kafka-sim soak`: searching seeds for a broken promise.

mod args;
mod merge;
mod replay;
mod report;
mod write;

use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kafka_sim::search::{Budget, Search, SearchReport, Seeds, Tally, Trial};

pub(crate) use args::SoakArgs;
pub(crate) use replay::{failure_in, replay};

use crate::failure::Failure;
use crate::threads::cores;

/// Seeds tried when nobody says how many.
const DEFAULT_SEEDS: u64 = 1_000;

/// Searches, shrinks and writes down what it finds, or merges what shards have found; the exit status is 1 if that is
/// anything.
pub(crate) fn run(args: SoakArgs) -> Result<ExitCode, Failure> {
    if !args.merge.is_empty() {
        let merged = merge::read(&args.merge)?;
        return print(&args, &merged, &[]);
    }
    let search = search(&args)?;
    let began = Instant::now();
    let tally = run_search(&search, args.greybox)?;
    let took = began.elapsed();
    let written = write::all(&args, &search, &tally)?;
    let found = written.iter().map(write::Written::report).collect();
    let report = SearchReport::of(args.profile.name, &search, args.greybox, &tally, took, found);
    print(&args, &report, &written)
}

fn print(args: &SoakArgs, report: &SearchReport, written: &[write::Written]) -> Result<ExitCode, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    if args.json {
        serde_json::to_writer_pretty(&mut out, report).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        report::text(&mut out, report, written)?;
    }
    out.flush()?;
    Ok(if report.failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn search(args: &SoakArgs) -> Result<Search, Failure> {
    let first = args.seed.unwrap_or(0);
    let count = args
        .seeds
        .unwrap_or(if args.seed.is_some() { 1 } else { DEFAULT_SEEDS });
    if count == 0 || first.checked_add(count).is_none() {
        return Err(Failure::usage(format!(
            "--seeds {count}: expected at least 1 and no seed above {}",
            u64::MAX - 1
        )));
    }
    Ok(Search {
        world: args.profile.world(),
        budget: if args.beyond { Budget::Beyond } else { Budget::Within },
        seeds: Seeds::from_first(first, count).shard(args.shard),
        threads: args.threads.map_or_else(cores, usize::from),
        keep_going: args.keep_going,
    })
}

fn run_search(search: &Search, greybox: bool) -> Result<Tally, Failure> {
    let bar = progress(search.seeds.count());
    let [endangered, failed, virtual_seconds] = [const { AtomicU64::new(0) }; 3];
    let began = Instant::now();
    let seen = |trial: &Trial| {
        let outcome = &trial.outcome;
        endangered.fetch_add(u64::from(!outcome.dangers.is_vacuous()), Ordering::Relaxed);
        failed.fetch_add(u64::from(!outcome.broken.is_empty()), Ordering::Relaxed);
        let virtual_seconds = virtual_seconds.fetch_add(outcome.virtual_time.as_secs(), Ordering::Relaxed);
        if !bar.is_hidden() {
            let per_second = virtual_seconds / began.elapsed().as_secs().max(1);
            bar.set_message(format!(
                "{per_second} virtual s/s, {} in danger, {} failed",
                endangered.load(Ordering::Relaxed),
                failed.load(Ordering::Relaxed)
            ));
        }
        bar.inc(1);
    };
    let tally = if greybox {
        search.run_steered(&seen)
    } else {
        search.run(&seen)
    };
    bar.finish_and_clear();
    tally.map_err(Failure::usage)
}

/// Drawn only where somebody watches: on a terminal.
fn progress(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} runs, {per_sec}, {msg}")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(Some(runs), ProgressDrawTarget::stderr()).with_style(style)
}
