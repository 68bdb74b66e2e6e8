//! Whether searching finds planted flaws.
//!
//! A [`Trial`] names a [`Mutant`], the world it is looked for in, what faults strike there, and how many seeds may be
//! needed. [`Trial::hunt`] tries seeds until a run of the mutant breaks a claim that the same run without the mutant
//! keeps, and shrinks what it found.

mod draw;
mod groups;
mod hunt;
#[cfg(test)]
mod tests;
mod trials;

pub use draw::Weather;
pub use hunt::{Caught, Hunted};
pub use kafka_sim_cluster::mutant::Mutant;
pub use trials::Trial;
