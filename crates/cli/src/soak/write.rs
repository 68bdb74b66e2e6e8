//! Failures on disk.

use std::path::PathBuf;

use kafka_sim::search::{FailureFile, Found, FoundReport, Search, Tally, shrink};

use super::SoakArgs;
use crate::failure::Failure;

/// A failure and where it was written.
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) failure: FailureFile,
    /// Faults there were before shrinking.
    pub(super) faults_found: usize,
}

impl Written {
    /// What a report tells of it.
    pub(super) fn report(&self) -> FoundReport {
        FoundReport::of(&self.failure, &self.path)
    }
}

/// Shrinks and writes what was found, on as many threads as the search had.
pub(super) fn all(args: &SoakArgs, search: &Search, tally: &Tally) -> Result<Vec<Written>, Failure> {
    let mut written = Vec::new();
    for some in tally.found.chunks(search.threads.max(1)) {
        let failures: Vec<Result<Written, Failure>> = std::thread::scope(|scope| {
            let one = |found| scope.spawn(move || one(args, search, found));
            let threads: Vec<_> = some.iter().map(one).collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().expect("shrinking does not panic");
            threads.into_iter().map(join).collect()
        });
        for failure in failures {
            written.push(failure?);
        }
    }
    Ok(written)
}

fn one(args: &SoakArgs, search: &Search, found: &Found) -> Result<Written, Failure> {
    let shrunk = shrink(&search.world, found.seed, &found.schedule, found.claim);
    let failure = FailureFile::of(
        args.profile.name,
        search.budget,
        shrunk.world,
        found.seed,
        shrunk.schedule,
        found.claim,
    )
    .map_err(Failure::usage)?;
    let path = failure.write_into(&args.out).map_err(Failure::usage)?;
    Ok(Written {
        path,
        failure,
        faults_found: found.schedule.faults.len(),
    })
}
