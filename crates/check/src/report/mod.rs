//! Verdicts with the stories behind them, as readable text.

mod cause;
#[cfg(test)]
mod tests;

pub use cause::{Cause, Setting, Stage};

use crate::verdict::{Counts, Verdict};
use crate::violation::Violation;
use std::collections::BTreeMap;
use std::fmt;

/// How many breaches of one promise the plain form of a report prints.
const SHOWN_PER_PROMISE: usize = 5;

/// How one violation came about. The judge cannot know: whoever ran the cluster tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// What is explained.
    pub violation: Violation,
    /// What happened, in the order of time, one sentence each.
    pub story: Vec<String>,
    /// What brought it about.
    pub cause: Cause,
}

/// A verdict with the stories behind it.
///
/// `{}` prints the first few breaches of each promise, `{:#}` prints all.
///
/// ```
/// use kafka_sim_check::{judge, History, Promise, Report};
/// let report = Report::new(judge(&History::new(), &[Promise::InOrder]), Vec::new());
/// assert!(!report.is_clean());
/// assert!(report.to_string().contains("nothing was judged"));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// What happened, in numbers.
    pub counts: Counts,
    /// The stories of the violations that could be explained, in any order.
    pub explanations: Vec<Explanation>,
    /// What was seen inside the cluster that must not be, one sentence each.
    pub breaches: Vec<String>,
}

impl Report {
    /// A report on a verdict.
    pub fn new(verdict: Verdict, explanations: Vec<Explanation>) -> Report {
        Report {
            counts: verdict.counts(),
            verdict,
            explanations,
            breaches: Vec::new(),
        }
    }

    /// Adds what was seen inside the cluster that must not be, whether or not clients came to notice it.
    #[must_use]
    pub fn with_breaches(self, breaches: Vec<String>) -> Report {
        Report { breaches, ..self }
    }

    /// Whether the verdict [is clean](Verdict::is_clean), and nothing was seen inside the cluster that must not be.
    pub fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.breaches.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.is_clean() { "CLEAN" } else { "NOT CLEAN" })?;
        writeln!(f, "messages: {}", self.counts)?;
        writeln!(f, "dangers met: {}", self.verdict.dangers())?;
        for reason in self.verdict.reasons() {
            writeln!(f, "not clean because {reason}")?;
        }
        let explanations: BTreeMap<&Violation, &Explanation> = self
            .explanations
            .iter()
            .map(|explanation| (&explanation.violation, explanation))
            .collect();
        let shown = if f.alternate() { usize::MAX } else { SHOWN_PER_PROMISE };
        for &promise in self.verdict.promises() {
            let count = self.verdict.violations_of(promise).count();
            if count == 0 {
                writeln!(f, "kept: {promise}")?;
                continue;
            }
            writeln!(f, "BROKEN {count} times: {promise}")?;
            for violation in self.verdict.violations_of(promise).take(shown) {
                writeln!(f, "  {violation}")?;
                if let Some(explanation) = explanations.get(violation) {
                    write!(f, "{explanation}")?;
                }
            }
            if count > shown {
                writeln!(f, "  and {} more", count - shown)?;
            }
        }
        for breach in self.breaches.iter().take(shown) {
            writeln!(f, "INVARIANT BROKEN: {breach}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for sentence in &self.story {
            writeln!(f, "    {sentence}")?;
        }
        write!(f, "{}", self.cause)
    }
}
