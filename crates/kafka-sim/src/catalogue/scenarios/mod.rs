//! The scenarios, by theme.

mod acks;
mod batching;
mod commits;
mod common;
mod consumers;
mod disks;
mod election;
mod flush;
mod follower_fetch;
mod habits;
mod idle;
mod isr;
mod keeping;
mod order;
mod positions;
mod power;
mod profile;
mod recreated;
mod redelivery;
mod results;
mod retries;
mod setup;
mod stages;

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
        commits::scenarios(),
        redelivery::scenarios(),
        positions::scenarios(),
        follower_fetch::scenarios(),
        recreated::scenarios(),
        stages::scenarios(),
        habits::scenarios(),
        keeping::scenarios(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
