//! What a search came to, as one JSON object; and the objects of shards made into that of the whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Budget, Claim, FailureFile, Search, Seeds, Shard, Tally};

/// Failures that a report tells one by one.
const TOLD: usize = 20;

/// The result of a search or of one shard of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchReport {
    /// Name of the profile that was searched.
    pub profile: String,
    /// With which faults.
    pub budget: Budget,
    /// The first seed of the whole search.
    pub first_seed: u64,
    /// Seeds of the whole search, this shard's among them.
    pub seeds: u64,
    /// Which part of the seeds, such as `0/4`.
    pub shard: String,
    /// Whether it went on after the first failing seed.
    pub keep_going: bool,
    /// Whether schedules were steered by what runs met.
    pub greybox: bool,
    /// Runs that count.
    pub runs: u64,
    /// Runs among them that broke a claim.
    pub failures: u64,
    /// Runs among them in which something endangered the data.
    pub endangered: u64,
    /// Runs that were done, those after the first failing seed included.
    pub done: u64,
    /// Time that took, in seconds, summed over cores.
    pub core_seconds: f64,
    /// Runs per second and core.
    pub runs_per_second_per_core: f64,
    /// Virtual seconds per second on all cores together.
    pub virtual_seconds_per_second: f64,
    /// Features of runs that were met, if it was steered by them.
    pub combinations: u64,
    /// What threatened the data, summed over the runs.
    pub dangers: BTreeMap<String, u64>,
    /// The first failing seeds, 20 at the most.
    pub found: Vec<FoundReport>,
}

/// A failing seed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundReport {
    /// The seed.
    pub seed: u64,
    /// The gravest claim that broke.
    pub broken: Claim,
    /// Faults it takes.
    pub faults: usize,
    /// The settings each of which alone would have prevented it.
    pub cures: Vec<String>,
    /// Where it was written.
    pub file: String,
    /// The command that repeats it.
    pub reproduce: String,
}

impl FoundReport {
    /// A failure that was written to a file.
    pub fn of(failure: &FailureFile, file: &Path) -> FoundReport {
        FoundReport {
            seed: failure.seed.0,
            broken: failure.broken,
            faults: failure.schedule.faults.len(),
            cures: failure.cures.clone(),
            file: file.display().to_string(),
            reproduce: format!("kafka-sim replay {}", file.display()),
        }
    }
}

/// Why reports are not those of the shards of one search.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("no report: expected one for each shard of a search")]
    Nothing,
    /// It is no report, or a damaged one.
    #[error("{}: not a report that kafka-sim soak --json has written: {reason}", path.display())]
    Malformed {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It is about another search than the first.
    #[error("{}: {what} differs from that of {}", path.display(), first.display())]
    Other {
        /// Its file.
        path: PathBuf,
        /// File of the first report.
        first: PathBuf,
        /// What is different.
        what: &'static str,
    },
    /// The same seeds twice.
    #[error("{} and {} are both shard {shard}", path.display(), other.display())]
    Twice {
        /// One file.
        path: PathBuf,
        /// The other file.
        other: PathBuf,
        /// The shard.
        shard: Shard,
    },
    /// A shard that no report is about.
    #[error("shard {0} is missing")]
    Missing(Shard),
}

impl SearchReport {
    /// What a search of `seeds` came to.
    pub fn of(
        profile: &str,
        search: &Search,
        greybox: bool,
        tally: &Tally,
        took: Duration,
        found: Vec<FoundReport>,
    ) -> SearchReport {
        let seconds = took.as_secs_f64().max(f64::MIN_POSITIVE);
        let core_seconds = seconds * search.threads.max(1) as f64;
        let Seeds { first, count, shard } = search.seeds;
        let dangers = tally.dangers.iter();
        SearchReport {
            profile: profile.to_owned(),
            budget: search.budget,
            first_seed: first,
            seeds: count,
            shard: shard.to_string(),
            keep_going: search.keep_going,
            greybox,
            runs: tally.runs,
            failures: tally.failures,
            endangered: tally.endangered,
            done: tally.done,
            core_seconds: hundredths(core_seconds),
            runs_per_second_per_core: hundredths(tally.done as f64 / core_seconds),
            virtual_seconds_per_second: hundredths(tally.done_virtual_time.as_secs_f64() / seconds),
            combinations: tally.combinations,
            dangers: dangers.map(|(name, count)| ((*name).to_owned(), *count)).collect(),
            found,
        }
    }

    /// Reads a report from the bytes of its file.
    ///
    /// # Errors
    /// The bytes are no report.
    pub fn parse(path: &Path, text: &[u8]) -> Result<SearchReport, MergeError> {
        let malformed = |reason: String| MergeError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let report: SearchReport = serde_json::from_slice(text).map_err(|error| malformed(error.to_string()))?;
        report.shard.parse::<Shard>().map_err(malformed)?;
        Ok(report)
    }

    /// The report of the whole search, from those of all its shards with their files, in any order. Its numbers are
    /// those of one search over all seeds, as far as each shard went on after its first failure; speeds are those of all
    /// machines together. Shards of a greybox search each know only what their own runs have met.
    ///
    /// # Errors
    /// The reports are not about the same search, or about the same shard twice, or one is missing.
    pub fn merge(reports: &[(PathBuf, SearchReport)]) -> Result<SearchReport, MergeError> {
        let (first_path, first) = reports.first().ok_or(MergeError::Nothing)?;
        let mut shards: BTreeMap<u64, &(PathBuf, SearchReport)> = BTreeMap::new();
        let whole = shard_of(first_path, first)?.count;
        for entry in reports {
            let (path, report) = entry;
            let shard = shard_of(path, report)?;
            if let Some(what) = report
                .difference(first)
                .or((shard.count != whole).then_some("the number of shards"))
            {
                return Err(MergeError::Other {
                    path: path.clone(),
                    first: first_path.clone(),
                    what,
                });
            }
            if let Some((other, _)) = shards.insert(shard.index, entry) {
                return Err(MergeError::Twice {
                    path: path.clone(),
                    other: other.clone(),
                    shard,
                });
            }
        }
        let missing = (0..whole).find(|index| !shards.contains_key(index));
        if let Some(index) = missing {
            return Err(MergeError::Missing(Shard { index, count: whole }));
        }
        let reports = shards.values().map(|(_, report)| report);
        Ok(reports.fold(first.emptied(), SearchReport::plus))
    }

    /// What keeps two reports from being about the same search.
    fn difference(&self, other: &SearchReport) -> Option<&'static str> {
        let differences = [
            (self.profile != other.profile, "the profile"),
            (self.budget != other.budget, "the budget"),
            (
                (self.first_seed, self.seeds) != (other.first_seed, other.seeds),
                "the range of seeds",
            ),
            (self.keep_going != other.keep_going, "keep_going"),
            (self.greybox != other.greybox, "greybox"),
        ];
        differences
            .into_iter()
            .find(|(differs, _)| *differs)
            .map(|(_, what)| what)
    }

    fn emptied(&self) -> SearchReport {
        SearchReport {
            shard: Shard::WHOLE.to_string(),
            runs: 0,
            failures: 0,
            endangered: 0,
            done: 0,
            core_seconds: 0.0,
            runs_per_second_per_core: 0.0,
            virtual_seconds_per_second: 0.0,
            combinations: 0,
            dangers: BTreeMap::new(),
            found: Vec::new(),
            ..self.clone()
        }
    }

    fn plus(mut self, shard: &SearchReport) -> SearchReport {
        self.runs += shard.runs;
        self.failures += shard.failures;
        self.endangered += shard.endangered;
        self.done += shard.done;
        self.core_seconds = hundredths(self.core_seconds + shard.core_seconds);
        self.runs_per_second_per_core = hundredths(self.done as f64 / self.core_seconds.max(f64::MIN_POSITIVE));
        self.virtual_seconds_per_second += shard.virtual_seconds_per_second;
        self.combinations = self.combinations.max(shard.combinations);
        for (name, count) in &shard.dangers {
            *self.dangers.entry(name.clone()).or_default() += count;
        }
        self.found.extend(shard.found.iter().cloned());
        self.found.sort_by_key(|found| found.seed);
        self.found.truncate(TOLD);
        self
    }
}

fn shard_of(path: &Path, report: &SearchReport) -> Result<Shard, MergeError> {
    report.shard.parse().map_err(|reason| MergeError::Malformed {
        path: path.to_owned(),
        reason,
    })
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
