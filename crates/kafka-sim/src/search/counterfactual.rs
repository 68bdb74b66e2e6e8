//! What would have prevented it: the same seed under the same faults with one setting changed.

use kafka_sim_cluster::fault::Schedule;
use kafka_sim_core::Seed;

use super::settings::{SAFE, SAFE_CONSUMER, STRICTER};
use super::{Claim, Setting, World};

/// Every single setting that would have kept the claim: those that deviate from the safe profile first, then what goes
/// further than it. A change that no cluster or client accepts is none.
pub fn cures(world: &World, seed: Seed, schedule: &Schedule, claim: Claim) -> Vec<Setting> {
    let of_consumers = if world.consumers.is_some() { SAFE_CONSUMER } else { &[] };
    let candidates = SAFE.iter().chain(of_consumers).chain(STRICTER);
    let changes = candidates.filter(|setting| !world.settings.has(setting));
    let kept = changes.filter(|setting| {
        let changed = World {
            settings: world.settings.clone().with(setting),
            ..world.clone()
        };
        changed
            .outcome(seed, schedule)
            .is_ok_and(|outcome| !outcome.broken.contains(&claim))
    });
    kept.copied().collect()
}
