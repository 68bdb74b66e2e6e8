//! Running variants.

use kafka_sim_check::{Counts, Report};
use kafka_sim_core::{ConfigError, Seed};

use super::{Finding, Scenario, Tally, Variant};
use crate::search::parallel;

/// One run to do.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// Of which scenario.
    pub scenario: &'a Scenario,
    /// Of which variant.
    pub variant: &'a Variant,
    /// From which seed.
    pub seed: Seed,
}

/// What came of one run.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// The seed.
    pub seed: Seed,
    /// Equal for equal runs.
    pub trace_hash: u64,
    /// What happened, in numbers.
    pub counts: Counts,
    /// The settings that breaks are blamed on; empty if nothing broke.
    pub blamed: Vec<String>,
    /// Why the run is not clean though nothing broke: no danger met, no convergence, something undecided.
    pub doubts: Vec<String>,
    /// The report, as people read it.
    pub text: String,
}

/// Does one run.
///
/// # Errors
/// A scenario whose settings no cluster or client accepts, which a test of the catalogue excludes.
pub fn run_once(variant: &Variant, seed: Seed) -> Result<RunResult, ConfigError> {
    let run = (variant.sim)(variant, seed)?.run()?;
    let report = run.check(variant.promises);
    let findings = variant.look.map(|look| look(&run, &report)).unwrap_or_default();
    Ok(RunResult {
        seed,
        trace_hash: run.trace_hash,
        counts: report.counts,
        blamed: blamed(&report, &findings),
        doubts: doubts(variant, &report, run.converged),
        text: text(&report, &findings),
    })
}

fn blamed(report: &Report, findings: &[Finding]) -> Vec<String> {
    let explained = report
        .explanations
        .iter()
        .map(|explanation| match explanation.cause.setting_allowed.first() {
            Some(setting) => setting.key.clone(),
            None => "nothing that could be named".to_owned(),
        });
    let mut blamed: Vec<String> = explained
        .chain(findings.iter().map(|finding| finding.allowed_by.to_owned()))
        .collect();
    blamed.sort_unstable();
    blamed.dedup();
    blamed
}

fn doubts(variant: &Variant, report: &Report, converged: bool) -> Vec<String> {
    use kafka_sim_check::Unclean;
    let mut doubts: Vec<String> = report
        .verdict
        .reasons()
        .into_iter()
        .filter(|reason| match reason {
            Unclean::Broken { .. } => false,
            Unclean::NoDanger => !variant.harmless,
            _ => true,
        })
        .map(|reason| reason.to_string())
        .collect();
    if !converged {
        doubts.push("the cluster did not come to rest within the bound after everything was healed".into());
    }
    doubts
}

fn text(report: &Report, findings: &[Finding]) -> String {
    let mut text = report.to_string();
    for finding in findings {
        text.push_str(&format!(
            "FOUND {}\n    allowed by: {}\n",
            finding.story, finding.allowed_by
        ));
    }
    text
}

/// Runs a variant over seeds on `threads` threads. Results come in the order of the seeds, whatever the threads do.
/// `done` is called after every run.
///
/// # Errors
/// As [`run_once`].
pub fn run_variant(
    variant: &Variant,
    seeds: &[Seed],
    threads: usize,
    done: &(dyn Fn() + Sync),
) -> Result<Tally, ConfigError> {
    let results = parallel::map(seeds, threads, |seed| {
        let result = run_once(variant, *seed);
        done();
        result
    });
    let results: Result<Vec<RunResult>, ConfigError> = results.into_iter().collect();
    Ok(Tally::of(variant, results?))
}
