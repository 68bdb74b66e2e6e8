//! The verdicts as one JSON object.

use std::collections::BTreeMap;
use std::io::Write;

use kafka_sim::catalogue::Scenario;
use serde::Serialize;

use super::Tried;
use crate::failure::Failure;

#[derive(Serialize)]
struct Object<'a> {
    scenarios: Vec<JsonScenario<'a>>,
    as_expected: bool,
}

#[derive(Serialize)]
struct JsonScenario<'a> {
    name: &'a str,
    title: &'a str,
    refs: &'a [&'a str],
    advice: &'a [&'a str],
    faults: &'a str,
    variants: Vec<JsonVariant<'a>>,
}

#[derive(Serialize)]
struct JsonVariant<'a> {
    name: &'a str,
    settings: BTreeMap<&'a str, &'a str>,
    expected: &'a str,
    runs: usize,
    /// Runs that broke a promise.
    broken: usize,
    acked: u64,
    lost: u64,
    duplicated: u64,
    reordered: u64,
    /// Runs per setting that breaks were blamed on.
    causes: BTreeMap<&'a str, usize>,
    verdict: &'a str,
    as_expected: bool,
}

pub(super) fn print(out: &mut impl Write, scenarios: &[Scenario], tried: &[Tried<'_>]) -> Result<(), Failure> {
    let of = |scenario: &Scenario| {
        tried
            .iter()
            .filter(|t| t.scenario.name == scenario.name)
            .map(variant)
            .collect()
    };
    let object = Object {
        scenarios: scenarios
            .iter()
            .map(|s| JsonScenario {
                name: s.name,
                title: s.title,
                refs: s.refs,
                advice: s.advice,
                faults: s.faults,
                variants: of(s),
            })
            .collect(),
        as_expected: tried.iter().all(|t| t.tally.as_expected),
    };
    serde_json::to_writer_pretty(&mut *out, &object).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

fn variant<'a>(t: &'a Tried<'_>) -> JsonVariant<'a> {
    JsonVariant {
        name: t.variant.name,
        settings: t.variant.settings.iter().copied().collect(),
        expected: t.variant.expected.word(),
        runs: t.tally.runs,
        broken: t.tally.broken,
        acked: t.tally.acked,
        lost: t.tally.lost,
        duplicated: t.tally.duplicated,
        reordered: t.tally.reordered,
        causes: t.tally.causes.iter().map(|(key, runs)| (key.as_str(), *runs)).collect(),
        verdict: &t.tally.verdict,
        as_expected: t.tally.as_expected,
    }
}
