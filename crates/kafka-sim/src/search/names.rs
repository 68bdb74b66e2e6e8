//! Whether a schedule names what is there.

use kafka_sim_cluster::fault::{Fault, Role, Schedule, ScheduledFault, Trigger};
use kafka_sim_core::BrokerId;

use super::World;

/// What a schedule names that the world does not have.
pub(super) fn unknown(world: &World, schedule: &Schedule) -> Option<String> {
    schedule.faults.iter().find_map(|fault| unknown_in(world, fault))
}

fn unknown_in(world: &World, scheduled: &ScheduledFault) -> Option<String> {
    let roles = scheduled.fault.roles().into_iter();
    let mut unknown = roles.filter_map(|role| match role {
        Role::Broker(id) => no_broker(world, *id),
        Role::LeaderOf { topic, partition }
        | Role::FollowerOf { topic, partition, .. }
        | Role::ReplicasOf { topic, partition }
        | Role::IsrOf { topic, partition } => no_partition(world, topic, *partition),
        _ => None,
    });
    unknown
        .next()
        .or_else(|| match &scheduled.fault {
            Fault::CorruptTail { topic, partition, .. }
            | Fault::UncleanElection { topic, partition }
            | Fault::PreferredElection { topic, partition } => no_partition(world, topic, *partition),
            Fault::AddPartitions { topic, .. } | Fault::DeleteTopic { topic } => no_partition(world, topic, 0),
            Fault::KillClient(host) | Fault::PauseClient(host) | Fault::PowerLossClient { host, .. } => {
                no_application(world, host)
            }
            _ => None,
        })
        .or_else(|| unknown_trigger(world, &scheduled.at))
}

/// What a trigger names that the world does not have.
pub(super) fn unknown_trigger(world: &World, at: &Trigger) -> Option<String> {
    match at {
        Trigger::At(_) => None,
        Trigger::Nth { mark, .. } => mark
            .partition()
            .and_then(|(topic, partition)| no_partition(world, topic, partition))
            .or_else(|| mark.broker().and_then(|id| no_broker(world, id))),
    }
}

fn no_broker(world: &World, id: BrokerId) -> Option<String> {
    let known = usize::try_from(id.0).is_ok_and(|id| id < world.brokers);
    (!known).then(|| format!("broker {id}, but there are only brokers 0 to {}", world.brokers - 1))
}

fn no_application(world: &World, host: &str) -> Option<String> {
    let hosts: Vec<String> = world.hosts().collect();
    let known = hosts.iter().any(|known| known == host);
    (!known).then(|| format!("the host {host}, but there are only {}", hosts.join(", ")))
}

fn no_partition(world: &World, topic: &str, partition: i32) -> Option<String> {
    if topic != world.topic {
        return Some(format!("the topic {topic}, but there is only {}", world.topic));
    }
    let known = (0..world.partitions).contains(&partition);
    (!known).then(|| {
        format!(
            "{topic}-{partition}, but {topic} has only partitions 0 to {}",
            world.partitions - 1
        )
    })
}
