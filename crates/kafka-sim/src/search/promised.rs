//! What settings promise.

use super::settings::Scope;
use super::{Claim, Settings};

/// The claims that settings promise to keep for three replicas [within the budget](super::Budget::Within). What is not
/// set has Kafka's default.
pub fn promised(settings: &Settings) -> Vec<Claim> {
    let get = |scope: Scope, key: &str, default| settings.scope(scope).get(key).map_or(default, String::as_str);
    let producer = |key, default| get(Scope::Producer, key, default);
    let topic = |key, default| get(Scope::Topic, key, default);
    let all_acknowledge = ["all", "-1"].contains(&producer("acks", "all"));
    let two_in_sync = { topic("min.insync.replicas", "1").parse() }.is_ok_and(|least: i32| least >= 2);
    let clean = topic("unclean.leader.election.enable", "false") == "false";
    let survives = all_acknowledge && two_in_sync && clean;
    let numbered = survives && producer("enable.idempotence", "true") == "true";
    let one_by_one = producer("max.in.flight.requests.per.connection", "5") == "1";
    let kept = |claim: &Claim| match claim {
        Claim::AckedSurvives | Claim::ConsistentOffsets | Claim::EveryAckedProcessed => survives,
        Claim::NoDuplicates => numbered,
        Claim::InOrder => numbered && one_by_one,
        _ => true,
    };
    Claim::ALL.into_iter().filter(kept).collect()
}
