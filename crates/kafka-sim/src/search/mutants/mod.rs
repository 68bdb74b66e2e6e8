//! Whether searching finds planted flaws.
//!
//! A [`Trial`] names a [`Mutant`], the world it is looked for in, what faults strike there, and how many seeds may be
//! needed. [`Trial::hunt`] tries seeds until a run of the mutant breaks a claim that the same run without the mutant
//! keeps, and shrinks what it found.

mod attempt;
mod caught;
mod draw;
mod figures;
mod general;
mod groups;
mod hunt;
mod measure;
#[cfg(test)]
mod tests;
mod trials;

pub use attempt::Level;
pub use caught::Caught;
pub use draw::Weather;
pub use figures::Figures;
pub use hunt::{Hunt, Hunted};
pub use kafka_sim_cluster::mutant::Mutant;
pub use measure::{Measurement, Needed};
pub use trials::{Limits, Schedules, Trial};
