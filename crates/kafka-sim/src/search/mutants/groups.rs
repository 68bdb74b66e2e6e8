//! Where the mutants of group coordinators are looked for: a consumer group under the schedules of any search.

use kafka_sim_cluster::mutant::Mutant;

use super::super::settings::{Scope, Setting, setting};
use super::trials::{Trial, USUAL, limits};

/// Members of the classic protocol.
const CLASSIC: Trial = Trial {
    profile: "groups",
    ..USUAL
};

/// Members of the consumer protocol (KIP-848).
const KIP_848: Trial = Trial {
    profile: "groups-consumer",
    ..USUAL
};

pub(super) const STALE_COMMITS: Trial = Trial {
    mutant: Mutant::StaleCommitsAccepted,
    directed: limits(250, 100, 6, 63),
    ..CLASSIC
};

pub(super) const ACK_ON_APPEND: Trial = Trial {
    mutant: Mutant::CommitAckOnAppend,
    directed: limits(50, 100, 1, 1),
    ..CLASSIC
};

pub(super) const BEFORE_RELEASED: Trial = Trial {
    mutant: Mutant::AssignedBeforeReleased,
    directed: limits(50, 100, 1, 1),
    ..KIP_848
};

pub(super) const READS_NO_LOG: Trial = Trial {
    mutant: Mutant::CoordinatorReadsNoLog,
    directed: limits(100, 100, 3, 17),
    ..CLASSIC
};

/// Messages that come so rarely that their commits grow older than a minute.
pub(super) const EXPIRES: Trial = Trial {
    mutant: Mutant::OffsetsInUseExpire,
    directed: limits(50, 100, 1, 1),
    deviations: EXPIRY,
    records: 12,
    every_ms: 25_000,
    ..CLASSIC
};

const EXPIRY: &[Setting] = &[
    setting(Scope::Broker, "offsets.retention.minutes", "1"),
    setting(Scope::Broker, "offsets.retention.check.interval.ms", "5000"),
];

pub(super) const SILENT_MEMBERS: Trial = Trial {
    mutant: Mutant::SilentMembersStay,
    directed: limits(50, 100, 2, 6),
    ..KIP_848
};

#[cfg(test)]
mod tests {
    use super::super::Schedules;
    use super::*;
    use crate::Seed;

    /// The twin of the searches that find nothing: the first schedules of a search find any of these.
    #[test]
    fn every_flaw_of_a_coordinator_breaks_a_claim_that_holds_without_it() {
        let flawed = [
            STALE_COMMITS,
            ACK_ON_APPEND,
            BEFORE_RELEASED,
            READS_NO_LOG,
            EXPIRES,
            SILENT_MEMBERS,
        ];
        for trial in flawed {
            let case = |seed| trial.case(Schedules::Directed, seed);
            let caught = (0..4)
                .map(Seed)
                .find(|seed| !case(*seed).broken(*seed).unwrap().is_empty());
            let seed = caught.unwrap_or_else(|| panic!("{} survived", trial.mutant));
            assert_eq!(case(seed).unmutated().broken(seed).unwrap(), [], "{}", trial.mutant);
        }
    }
}
