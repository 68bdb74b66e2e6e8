//! Medians, ratios and how they are printed.

use std::fmt::Write as _;

use crate::proc_stat;
use crate::server::Subject;

/// What a figure counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Things per second.
    PerSecond,
    /// Bytes per second.
    BytesPerSecond,
    /// Bytes.
    Bytes,
    /// Seconds.
    Seconds,
}

/// Which direction is good.
#[derive(Clone, Copy)]
pub(crate) enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

/// A figure to reach and whether it was.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    /// In words.
    pub(crate) text: &'static str,
    /// Whether the median reaches it.
    pub(crate) met: bool,
}

/// One figure over all servers.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) name: String,
    unit: Unit,
    better: Better,
    subjects: Vec<&'static str>,
    /// One list per server, one value per round.
    pub(crate) samples: Vec<Vec<f64>>,
    /// One median per server; NaN where it could not be measured.
    pub(crate) medians: Vec<f64>,
    /// The mark of the second server, if the row has one.
    pub(crate) mark: Option<Mark>,
}

impl Row {
    /// A row without samples.
    pub(crate) fn new(name: String, unit: Unit, better: Better, subjects: &[Subject]) -> Self {
        Self {
            name,
            unit,
            better,
            subjects: subjects.iter().map(Subject::name).collect(),
            samples: vec![Vec::new(); subjects.len()],
            medians: Vec::new(),
            mark: None,
        }
    }

    /// How many times better (above 1) or worse (below 1) the second server is than the first.
    fn ratio(&self) -> Option<f64> {
        let (first, second) = (*self.medians.first()?, *self.medians.get(1)?);
        let ratio = match self.better {
            Better::Higher => second / first,
            Better::Lower => first / second,
        };
        ratio.is_finite().then_some(ratio)
    }
}

/// The middle value; NaN for none.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

fn shown(unit: Unit, value: f64) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    match unit {
        Unit::PerSecond if value >= 1e6 => format!("{:.2} M/s", value / 1e6),
        Unit::PerSecond => format!("{:.1} k/s", value / 1e3),
        Unit::BytesPerSecond => format!("{:.0} MB/s", value / 1e6),
        Unit::Bytes => format!("{:.1} MB", value / 1e6),
        Unit::Seconds if value < 1e-3 => format!("{:.1} us", value * 1e6),
        Unit::Seconds if value < 1.0 => format!("{:.2} ms", value * 1e3),
        Unit::Seconds => format!("{value:.2} s"),
    }
}

fn spread(row: &Row, column: usize) -> String {
    let samples = &row.samples[column];
    let low = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let high = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let median = shown(row.unit, row.medians[column]);
    if samples.len() < 2 {
        median
    } else {
        format!("{median} ({}..{})", shown(row.unit, low), shown(row.unit, high))
    }
}

/// A Markdown table with the machine named above it.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut out = format!(
        "Machine: {}. Median (lowest..highest) of the rounds.\n\n",
        proc_stat::machine()
    );
    let subjects: &[&str] = rows.first().map_or(&[], |row| &row.subjects);
    let _ = writeln!(out, "| measure | {} | better by | mark |", subjects.join(" | "));
    let _ = writeln!(out, "|---|{}---|---|", "---|".repeat(subjects.len()));
    for row in rows {
        let cells: Vec<String> = (0..row.medians.len()).map(|column| spread(row, column)).collect();
        let ratio = row
            .ratio()
            .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}x"));
        let mark = row.mark.map_or_else(
            || "-".to_owned(),
            |mark| format!("{}: {}", mark.text, if mark.met { "met" } else { "MISSED" }),
        );
        let _ = writeln!(out, "| {} | {} | {ratio} | {mark} |", row.name, cells.join(" | "));
    }
    out
}

/// The same as one JSON object; units are per second, bytes and seconds.
pub(crate) fn json(rows: &[Row]) -> String {
    let number = |value: f64| {
        if value.is_finite() {
            format!("{value}")
        } else {
            "null".to_owned()
        }
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let medians: Vec<String> = row
                .subjects
                .iter()
                .zip(&row.medians)
                .map(|(subject, value)| format!("\"{subject}\": {}", number(*value)))
                .collect();
            let mark = row.mark.map_or("null", |mark| if mark.met { "true" } else { "false" });
            let ratio = row.ratio().map_or_else(|| "null".to_owned(), number);
            format!(
                "{{\"name\": \"{}\", \"medians\": {{{}}}, \"ratio\": {ratio}, \"mark_met\": {mark}}}",
                row.name,
                medians.join(", ")
            )
        })
        .collect();
    let machine = proc_stat::machine().replace(['"', '\\'], "'");
    format!(
        "{{\"machine\": \"{machine}\", \"rows\": [\n  {}\n]}}",
        rows.join(",\n  ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert!((median(&[4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }
}
