//! Shared support of the test suites: a cluster in virtual time that is spoken to in bytes.

mod ask;
mod harness;
mod records;
pub mod requests;

pub use ask::Ask;
pub use harness::Harness;
pub use records::{batch, batch_of, idempotent, values};
