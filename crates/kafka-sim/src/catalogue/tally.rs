//! What a variant's runs add up to.

use kafka_sim_core::Seed;

use super::{Expected, RunResult, Variant};

/// The runs of one variant, counted and judged against what the catalogue expects.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Runs done.
    pub runs: usize,
    /// Runs that broke a promise.
    pub broken: usize,
    /// Messages acknowledged, over all runs.
    pub acked: u64,
    /// Acknowledged messages that were lost.
    pub lost: u64,
    /// Messages that were stored more than once.
    pub duplicated: u64,
    /// Messages that were out of order.
    pub reordered: u64,
    /// What breaks were blamed on, most frequent first.
    pub causes: Vec<(String, usize)>,
    /// Seed and trace hash of every run.
    pub hashes: Vec<(Seed, u64)>,
    /// What came of it: `holds`, `breaks`, or why it is neither as designed.
    pub verdict: String,
    /// The catalogue's expectation was met.
    pub as_expected: bool,
    /// The first run that contradicts the expectation, and its report.
    pub contradiction: Option<(Seed, String)>,
    /// A run that broke, and its report: an example of what the scenario shows.
    pub example: Option<(Seed, String)>,
}

impl Tally {
    pub(super) fn of(variant: &Variant, results: Vec<RunResult>) -> Tally {
        let broken = results.iter().filter(|result| !result.blamed.is_empty()).count();
        let sum = |count: fn(&RunResult) -> u64| results.iter().map(count).sum();
        let wrong = results.iter().find(|result| contradicts(variant.expected, result));
        let too_few = matches!(variant.expected, Expected::Breaks { .. }) && broken * 2 < results.len();
        let wrong = wrong.or_else(|| results.iter().find(|result| too_few && result.blamed.is_empty()));
        let example = results.iter().find(|result| !result.blamed.is_empty());
        let mut tally = Tally {
            runs: results.len(),
            broken,
            acked: sum(|r| r.counts.acked),
            lost: sum(|r| r.counts.lost),
            duplicated: sum(|r| r.counts.duplicated),
            reordered: sum(|r| r.counts.reordered),
            causes: causes(&results),
            hashes: results.iter().map(|result| (result.seed, result.trace_hash)).collect(),
            verdict: String::new(),
            as_expected: wrong.is_none(),
            contradiction: wrong.map(|result| (result.seed, result.text.clone())),
            example: example.map(|result| (result.seed, result.text.clone())),
        };
        tally.verdict = match (wrong, variant.expected) {
            (None, expected) => expected.word().to_owned(),
            (Some(result), Expected::Holds) if !result.blamed.is_empty() => format!(
                "breaks ({broken} of {} runs, allowed by {})",
                tally.runs,
                result.blamed.join(", ")
            ),
            (Some(result), _) if !result.doubts.is_empty() => format!("undecided: {}", result.doubts.join("; ")),
            (Some(_), Expected::Breaks { .. }) if too_few => {
                format!("holds too often: only {broken} of {} runs broke", tally.runs)
            }
            (Some(result), _) => format!("breaks by accident: allowed by {}", result.blamed.join(", ")),
        };
        tally
    }
}

fn contradicts(expected: Expected, result: &RunResult) -> bool {
    match expected {
        Expected::Holds => !result.blamed.is_empty() || !result.doubts.is_empty(),
        Expected::Breaks { allowed_by } => {
            result.blamed.iter().any(|key| key != allowed_by) || (result.blamed.is_empty() && !result.doubts.is_empty())
        }
    }
}

fn causes(results: &[RunResult]) -> Vec<(String, usize)> {
    let mut counted: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for key in results.iter().flat_map(|result| &result.blamed) {
        *counted.entry(key).or_default() += 1;
    }
    let mut causes: Vec<(String, usize)> = counted
        .into_iter()
        .map(|(key, count)| (key.to_owned(), count))
        .collect();
    causes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    causes
}
