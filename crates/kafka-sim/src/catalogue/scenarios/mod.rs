//! The scenarios, by theme.

mod acks;
mod batching;
mod common;
mod disks;
mod election;
mod flush;
mod idle;
mod isr;
mod order;
mod power;
mod profile;
mod results;
mod retries;
mod setup;

use super::Scenario;

/// Every scenario, in the order of the table.
pub fn all() -> Vec<Scenario> {
    [
        acks::scenarios(),
        isr::scenarios(),
        power::scenarios(),
        flush::scenarios(),
        election::scenarios(),
        disks::scenarios(),
        profile::scenarios(),
        retries::scenarios(),
        order::scenarios(),
        results::scenarios(),
        batching::scenarios(),
        idle::scenarios(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
