//! Reading what shards have printed.

use std::path::PathBuf;

use kafka_sim::search::SearchReport;

use crate::failure::Failure;

/// The report of a whole search from the files of its shards.
pub(super) fn read(files: &[PathBuf]) -> Result<SearchReport, Failure> {
    let one = |path: &PathBuf| {
        let text = std::fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        let report = SearchReport::parse(path, &text).map_err(Failure::usage)?;
        Ok((path.clone(), report))
    };
    let reports = files.iter().map(one).collect::<Result<Vec<_>, Failure>>()?;
    SearchReport::merge(&reports).map_err(Failure::usage)
}
