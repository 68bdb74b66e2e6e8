//! The verdicts as a table for people.

use std::io::{self, Write};

use kafka_sim::catalogue::Scenario;

use super::Tried;

const HEADINGS: [&str; 8] = [
    "",
    "settings",
    "runs",
    "acked",
    "lost",
    "doubled",
    "reordered",
    "verdict",
];
/// Columns that hold numbers.
const NUMBERS: std::ops::Range<usize> = 2..7;

pub(super) fn print(out: &mut impl Write, scenarios: &[Scenario], tried: &[Tried<'_>]) -> io::Result<()> {
    let rows: Vec<[String; 8]> = tried.iter().map(row).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([HEADINGS[column].len()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    line(out, &HEADINGS, &widths)?;
    for scenario in scenarios {
        let numbers = [scenario.refs, scenario.advice].concat().join(" ");
        writeln!(out, "\n{} [{numbers}]: {}", scenario.name, scenario.title)?;
        writeln!(out, "  faults: {}", scenario.faults)?;
        for (_, row) in tried
            .iter()
            .zip(&rows)
            .filter(|(t, _)| t.scenario.name == scenario.name)
        {
            let cells: [&str; 8] = std::array::from_fn(|column| row[column].as_str());
            line(out, &cells, &widths)?;
        }
    }
    let expected = tried.iter().filter(|t| t.tally.as_expected).count();
    let runs: usize = tried.iter().map(|t| t.tally.runs).sum();
    writeln!(
        out,
        "\n{expected} of {} variants behave as the catalogue says, over {runs} runs",
        tried.len()
    )
}

fn row(t: &Tried<'_>) -> [String; 8] {
    let settings: Vec<String> = t
        .variant
        .settings
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let tally = &t.tally;
    let mark = if tally.as_expected { "" } else { "UNEXPECTED: " };
    let cause = match (tally.as_expected, tally.causes.first()) {
        (true, Some((key, _))) => format!(" ({} of {} runs, by {key})", tally.broken, tally.runs),
        _ => String::new(),
    };
    [
        format!("  {}", t.variant.name),
        settings.join(" "),
        tally.runs.to_string(),
        tally.acked.to_string(),
        tally.lost.to_string(),
        tally.duplicated.to_string(),
        tally.reordered.to_string(),
        format!("{mark}{}{cause}", tally.verdict),
    ]
}

fn line(out: &mut impl Write, cells: &[&str; 8], widths: &[usize]) -> io::Result<()> {
    let mut text = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if NUMBERS.contains(&column) {
            text.push_str(&format!("{cell:>width$}  "));
        } else {
            text.push_str(&format!("{cell:<width$}  "));
        }
    }
    writeln!(out, "{}", text.trim_end())
}

/// The whole story of each variant's first broken run.
pub(super) fn print_reports(out: &mut impl Write, tried: &[Tried<'_>]) -> io::Result<()> {
    for t in tried {
        if let Some((seed, text)) = &t.tally.example {
            writeln!(
                out,
                "\n{} ({}), seed {}:\n{text}",
                t.scenario.name, t.variant.name, seed.0
            )?;
        }
    }
    Ok(())
}
