//! The reliability matrix: which settings survive which kind of fault, and how often they do not.
//!
//! Rows are settings profiles, from fire and forget to the full safe profile; columns are kinds of fault. Every run of a
//! cell has one fault of the kind, at a moment and of a duration drawn from its seed.

mod kinds;
mod page;
mod profiles;

use std::fmt;

use kafka_sim_check::Promise;
use kafka_sim_core::{ConfigError, Seed};
use serde::Serialize;

use crate::search::{World, parallel};
use kinds::Kind;
use profiles::Row;

/// What is counted.
const JUDGED: [Promise; 3] = [Promise::AckedSurvives, Promise::NoDuplicates, Promise::InOrder];

/// What became of messages under one kind of fault: runs in which it happened, per 1,000 runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Cell {
    /// An acknowledged message was lost.
    pub lost: u64,
    /// A message was stored twice.
    pub doubled: u64,
    /// Messages of a producer were stored in another order than it sent them.
    pub reordered: u64,
}

/// The matrix.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Matrix {
    /// Runs of each cell.
    pub runs: u64,
    /// Kinds of fault.
    pub columns: Vec<&'static str>,
    /// Profiles.
    pub rows: Vec<MatrixRow>,
}

/// The cells of one profile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct MatrixRow {
    /// Its name.
    pub profile: &'static str,
    /// What it sets, in Kafka's keys.
    pub settings: Vec<String>,
    /// In the order of the columns.
    pub cells: Vec<Cell>,
}

impl Matrix {
    /// Runs every cell from seeds 0 to `runs` − 1 on `threads` threads, on which nothing depends. `ran` is called after
    /// each run.
    ///
    /// ```
    /// let matrix = kafka_sim::matrix::Matrix::of(4, 2, &|| ())?;
    /// let safest = matrix.rows.last().expect("there are profiles");
    /// assert!(safest.cells.iter().all(|cell| cell.lost == 0 && cell.doubled == 0 && cell.reordered == 0));
    /// # Ok::<(), kafka_sim::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// None that a user can bring about: a test runs every cell.
    pub fn of(runs: u64, threads: usize, ran: &(dyn Fn() + Sync)) -> Result<Matrix, ConfigError> {
        let rows = profiles::ROWS;
        let cells = rows.iter().flat_map(|row| kinds::ALL.map(|kind| (row, kind)));
        let jobs: Vec<(&Row, Kind, Seed)> = cells
            .flat_map(|(row, kind)| (0..runs).map(move |seed| (row, kind, Seed(seed))))
            .collect();
        let results = parallel::map(&jobs, threads, |(row, kind, seed)| {
            let result = one(row, *kind, *seed);
            ran();
            result
        });
        let results = results.into_iter().collect::<Result<Vec<Cell>, ConfigError>>()?;
        let mut results = results.into_iter();
        let mut cell = || {
            let runs = results.by_ref().take(usize::try_from(runs).unwrap_or(usize::MAX));
            runs.fold(Cell::default(), Cell::plus)
        };
        let rows = rows.iter().map(|row| MatrixRow {
            profile: row.name,
            settings: row.words(),
            cells: kinds::ALL.iter().map(|_| cell().per_thousand(runs)).collect(),
        });
        Ok(Matrix {
            runs,
            columns: kinds::ALL.iter().map(|kind| kind.words()).collect(),
            rows: rows.collect(),
        })
    }

    /// The matrix as one self-contained page, a heat map.
    pub fn html(&self) -> String {
        page::render(self)
    }

    /// Runs that [`Matrix::of`] takes.
    pub fn size(runs: u64) -> u64 {
        (profiles::ROWS.len() * kinds::ALL.len()) as u64 * runs
    }
}

fn one(row: &Row, kind: Kind, seed: Seed) -> Result<Cell, ConfigError> {
    let world = World {
        partitions: 1,
        records: 100,
        every_ms: 100,
        ..World::with(row.settings())
    };
    let run = world.sim(seed, &kind.schedule(seed))?.keep_events(false).run()?;
    let counts = run.verdict(&JUDGED).counts();
    Ok(Cell {
        lost: u64::from(counts.lost > 0),
        doubled: u64::from(counts.duplicated > 0),
        reordered: u64::from(counts.reordered > 0),
    })
}

impl Cell {
    fn plus(self, other: Cell) -> Cell {
        Cell {
            lost: self.lost + other.lost,
            doubled: self.doubled + other.doubled,
            reordered: self.reordered + other.reordered,
        }
    }

    /// From runs among `runs`, rounded to the nearest but never to none.
    fn per_thousand(self, runs: u64) -> Cell {
        let scaled = |count: u64| {
            if count == 0 {
                0
            } else {
                ((count * 1_000 + runs / 2) / runs.max(1)).max(1)
            }
        };
        Cell {
            lost: scaled(self.lost),
            doubled: scaled(self.doubled),
            reordered: scaled(self.reordered),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Cell::default() {
            return f.pad("-");
        }
        f.pad(&format!("{}/{}/{}", self.lost, self.doubled, self.reordered))
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "runs that lost / doubled / reordered messages, per 1000 runs ({} made per cell)\n",
            self.runs
        )?;
        let width = self.rows.iter().map(|row| row.profile.len()).max().unwrap_or_default();
        for (nth, column) in self.columns.iter().enumerate() {
            writeln!(f, "{:width$}  {} {column}", "", letter(nth))?;
        }
        write!(f, "\n{:width$}", "")?;
        for nth in 0..self.columns.len() {
            write!(f, "  {:>11}", letter(nth))?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:width$}", row.profile)?;
            for cell in &row.cells {
                write!(f, "  {cell:>11}")?;
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for row in &self.rows {
            writeln!(f, "{:width$}  {}", row.profile, row.settings.join(" "))?;
        }
        Ok(())
    }
}

fn letter(nth: usize) -> char {
    char::from(b'A' + u8::try_from(nth % 26).expect("it is below 26"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_once_is_never_rounded_to_none() {
        let once = Cell {
            lost: 1,
            ..Cell::default()
        };
        assert_eq!(once.per_thousand(5_000).lost, 1);
        assert_eq!(once.per_thousand(8).lost, 125);
        assert_eq!(Cell::default().per_thousand(8), Cell::default());
    }

    #[test]
    fn weak_profiles_lose_and_the_safest_loses_nothing() {
        let matrix = Matrix::of(6, 2, &|| ()).expect("the profiles are valid");
        let row = |name| {
            matrix
                .rows
                .iter()
                .find(|row| row.profile == name)
                .expect("it is a profile")
        };
        let lost = |name| row(name).cells.iter().map(|cell| cell.lost).sum::<u64>();
        assert!(lost("fire-and-forget") > lost("acks-one"), "{matrix}");
        assert!(lost("acks-one") > 0, "{matrix}");
        assert!(
            lost("safe") > 0,
            "the safe profile survived a power loss of all machines\n{matrix}"
        );
        assert_eq!(lost("flushed"), 0, "{matrix}");
        assert!(
            row("no-idempotence").cells.iter().any(|cell| cell.doubled > 0),
            "{matrix}"
        );
        let control = matrix.rows.iter().map(|row| row.cells[0]);
        assert!(
            control.clone().all(|cell| cell == Cell::default()),
            "something broke without a fault\n{matrix}"
        );
    }

    #[test]
    fn a_power_loss_of_all_brokers_loses_what_readers_saw_and_puts_nothing_out_of_order() {
        for row in profiles::ROWS
            .iter()
            .filter(|row| ["safe", "ordered"].contains(&row.name))
        {
            let run = |seed| one(row, Kind::AllWithoutPower, Seed(seed)).expect("the profiles are valid");
            let cell = (0..6).map(run).fold(Cell::default(), Cell::plus);
            assert!(cell.lost > 0 && cell.reordered == 0, "{}: {cell}", row.name);
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let of = |threads| Matrix::of(2, threads, &|| ()).expect("the profiles are valid");
        assert_eq!(of(1), of(3));
    }
}
