//! Searching seeds for a broken promise.
//!
//! A seed makes a schedule of faults and the run it strikes. [`Search`] tries seeds on all cores, [`shrink`] reduces a
//! schedule that breaks a promise to the few faults that matter, [`cures`] tells which single setting would have
//! prevented it, and [`FailureFile`] writes it all down so that it can be repeated anywhere.
//!
//! ```
//! use kafka_sim::search::{Budget, Profile, Search, Seeds};
//!
//! let search = Search {
//!     world: Profile::named("acks-one").expect("it is one of the profiles").world(),
//!     budget: Budget::Within,
//!     seeds: Seeds::from_first(0, 40),
//!     threads: 2,
//!     keep_going: false,
//! };
//! let tally = search.run(&|_| ())?;
//! assert_eq!(tally.failures, 1, "with acks=1 a leader that dies takes acknowledged messages with it");
//! # Ok::<(), kafka_sim::ConfigError>(())
//! ```

mod claim;
mod consumers;
mod counterfactual;
mod coverage;
mod failure;
mod generate;
mod hunt;
mod milder;
#[cfg(feature = "mutants")]
pub mod mutants;
mod names;
pub(crate) mod parallel;
mod pinned;
mod promised;
mod report;
mod seeds;
mod settings;
mod shrink;
mod steered;
#[cfg(test)]
mod tests;
#[cfg(feature = "proptest")]
mod varied;
mod world;

pub use claim::Claim;
pub use consumers::Consumers;
pub use counterfactual::cures;
pub use failure::{FailureError, FailureFile, Replayed};
#[cfg(feature = "proptest")]
pub(crate) use generate::scheduled;
pub use generate::{Budget, schedule};
pub use hunt::{Found, Search, Tally, Trial};
pub use promised::promised;
pub use report::{FoundReport, MergeError, SearchReport};
pub use seeds::{Seeds, Shard};
pub use settings::{Profile, Setting, Settings};
pub use shrink::{Shrunk, shrink};
#[cfg(feature = "proptest")]
pub(crate) use varied::{choices, chosen};
pub use world::{Outcome, TOPIC, World};
