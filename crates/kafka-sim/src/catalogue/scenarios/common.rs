//! What scenarios share.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_sim_check::{Message, Outcome};
use kafka_sim_cluster::Topic;
use kafka_sim_cluster::fault::{Fault, Peer, Role, ScheduledFault, Survivors};
use kafka_sim_cluster::mark::MarkKind;
use kafka_sim_core::{ConfigError, SimTime};

use crate::catalogue::{Finding, Variant};
use crate::sim::{ProducerPlan, Run};

/// The topic of every scenario.
pub(super) const TOPIC: &str = "orders";

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn at(seconds: u64) -> SimTime {
    SimTime::from_secs(seconds)
}

pub(super) fn leader() -> Role {
    Role::leader_of(TOPIC, 0)
}

pub(super) fn follower(nth: u32) -> Role {
    Role::follower_of(TOPIC, 0, nth)
}

/// The n-th acknowledged produce to orders-0 is counted with this.
pub(super) fn acked() -> MarkKind {
    MarkKind::ProduceAcked {
        topic: TOPIC.into(),
        partition: 0,
    }
}

/// One partition on three brokers.
pub(super) fn one_partition() -> Topic {
    Topic::named(TOPIC).partitions(1).replicas(3)
}

/// Brokers stop replicating from each other until the fault is healed.
pub(super) fn hold_replication() -> Fault {
    Fault::Hold {
        from: Peer::Brokers(Role::AllBrokers),
        to: Peer::Brokers(Role::AllBrokers),
    }
}

pub(super) fn power_loss(target: Role) -> Fault {
    Fault::PowerLoss {
        target,
        survivors: Survivors::None,
    }
}

/// Healed after that many seconds.
pub(super) fn healed(fault: ScheduledFault, after_seconds: u64) -> ScheduledFault {
    fault.healed_after(seconds(after_seconds))
}

/// A producer with the variant's producer settings. Idempotence is switched off where acks does not allow it.
pub(super) fn producer(variant: &Variant, keys: &[&str]) -> Result<ProducerPlan, ConfigError> {
    let mut plan = ProducerPlan::to(TOPIC);
    for key in keys {
        plan = plan.set(key, variant.setting(key))?;
    }
    if keys.contains(&"acks") && variant.setting("acks") != "all" && !keys.contains(&"enable.idempotence") {
        plan = plan.set("enable.idempotence", "false")?;
    }
    Ok(plan)
}

/// The keys of a variant that are the producer's.
const PRODUCER_KEYS: &[&str] = &[
    "acks",
    "batch.size",
    "buffer.memory",
    "connections.max.idle.ms",
    "delivery.timeout.ms",
    "enable.idempotence",
    "linger.ms",
    "max.block.ms",
    "max.in.flight.requests.per.connection",
    "request.timeout.ms",
    "retries",
    "retry.backoff.ms",
];

/// A producer with every producer setting that the variant lists, and the Java client's defaults otherwise.
pub(super) fn producer_with(variant: &Variant) -> Result<ProducerPlan, ConfigError> {
    let mut listed = variant.settings.iter().filter(|(key, _)| PRODUCER_KEYS.contains(key));
    listed.try_fold(ProducerPlan::to(TOPIC), |plan, (key, value)| plan.set(key, value))
}

/// Both followers leave the in-sync replicas 2.05 s into the run, in good order, and come back.
///
/// Between two records: one that is appended at that moment is not refused but waits for its replicas until they are
/// back, and every later request waits behind it, since a broker handles the requests of a connection one by one.
pub(super) fn few_in_sync(lasts: Duration) -> Vec<ScheduledFault> {
    let quiet = SimTime::from_millis(2050);
    let stop = |nth| Fault::ControlledStop(follower(nth)).at(quiet).healed_after(lasts);
    // When the second strikes, the first is still in sync.
    vec![stop(0), stop(1)]
}

/// A finding if the application was told of sends that failed and did not repair them.
pub(super) fn unwritten(run: &Run, allowed_by: &'static str) -> Vec<Finding> {
    let acked = |message: &Message<'_>| matches!(message.outcome, Some(Outcome::Acked { .. }));
    let done: BTreeSet<Option<u64>> = run
        .history
        .messages()
        .filter(acked)
        .map(|message| message.business)
        .collect();
    let failed: BTreeSet<Option<u64>> = run
        .history
        .messages()
        .map(|message| message.business)
        .filter(|business| !done.contains(business))
        .collect();
    let story = format!(
        "{} of the things that the application had to say were never acknowledged",
        failed.len()
    );
    if failed.is_empty() {
        Vec::new()
    } else {
        vec![Finding { allowed_by, story }]
    }
}
