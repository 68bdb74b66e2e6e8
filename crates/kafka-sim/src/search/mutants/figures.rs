//! Runs needed by several searches, in few words.

use std::fmt;

/// Quartiles, worst, and how many found anything. A search that was given up counts with all its runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figures {
    /// Runs needed, ascending.
    pub runs: Vec<u64>,
    /// Searches that found something.
    pub found: usize,
}

impl Figures {
    /// Of the runs that each search needed, none if it was given up after `most`.
    ///
    /// ```
    /// use kafka_sim::search::mutants::Figures;
    /// let figures = Figures::of([Some(7), None, Some(3)].into_iter(), 100);
    /// assert_eq!(figures.to_string(), "3 7 7, worst 100, found 2 of 3");
    /// ```
    pub fn of(needed: impl Iterator<Item = Option<u64>>, most: u64) -> Figures {
        let needed: Vec<Option<u64>> = needed.collect();
        let mut runs: Vec<u64> = needed.iter().map(|runs| runs.unwrap_or(most)).collect();
        runs.sort_unstable();
        Figures {
            found: needed.iter().flatten().count(),
            runs,
        }
    }

    /// The runs that so many quarters of the searches needed at most; 0 without searches.
    pub fn quarters(&self, quarters: usize) -> u64 {
        let last = self.runs.len().saturating_sub(1);
        self.runs.get(last * quarters / 4).copied().unwrap_or_default()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, median, high, worst] = [1, 2, 3, 4].map(|quarters| self.quarters(quarters));
        let (found, count) = (self.found, self.runs.len());
        write!(f, "{low} {median} {high}, worst {worst}, found {found} of {count}")
    }
}
