//! Steps from a schedule to simpler ones.

use std::time::Duration;

use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Filter, Peer, Role, Schedule, ScheduledFault, Trigger};
use kafka_sim_core::SimTime;

use super::{World, names};

/// Schedules with fewer faults: without one half, one quarter and so on down to without a single fault.
pub(super) fn fewer(schedule: &Schedule) -> Vec<Schedule> {
    let faults = &schedule.faults;
    let mut simpler = Vec::new();
    let mut width = faults.len().div_ceil(2);
    while width > 0 && !faults.is_empty() {
        for start in (0..faults.len()).step_by(width) {
            let end = (start + width).min(faults.len());
            let rest = faults[..start].iter().chain(&faults[end..]);
            simpler.push(rest.cloned().collect());
        }
        width = if width == 1 { 0 } else { width.div_ceil(2) };
    }
    simpler
}

/// Simpler forms of one scheduled fault, the simplest first.
pub(super) fn of(scheduled: &ScheduledFault, world: &World) -> Vec<ScheduledFault> {
    let kinds = of_fault(&scheduled.fault, world)
        .into_iter()
        .map(|fault| ScheduledFault {
            fault,
            ..scheduled.clone()
        });
    let heals = shorter(scheduled.heal_after)
        .into_iter()
        .map(|heal_after| ScheduledFault {
            heal_after: Some(heal_after),
            ..scheduled.clone()
        });
    let triggers = earlier(&scheduled.at).into_iter().map(|at| ScheduledFault {
        at,
        ..scheduled.clone()
    });
    kinds.chain(heals).chain(triggers).collect()
}

/// The same done to fewer brokers, or something less severe done to the same.
fn of_fault(fault: &Fault, world: &World) -> Vec<Fault> {
    if let Some(host) = fault.client() {
        return of_client_fault(fault, host);
    }
    let Some(target) = target(fault) else {
        return Vec::new();
    };
    let mut simpler = Vec::new();
    if *target == Role::AllBrokers {
        // Who is struck matters more than how.
        simpler.push(with_target(fault, &Role::leader_of(world.topic.as_str(), 0)));
    }
    let kinds: [fn(Role) -> Fault; 10] = [
        |target| Fault::Delay {
            from: Peer::Clients,
            to: Peer::Brokers(target),
            extra: Duration::from_millis(200),
        },
        |target| Fault::Reset {
            a: Peer::Clients,
            b: Peer::Brokers(target),
        },
        Fault::IsolateFromController,
        Fault::Isolate,
        Fault::Pause,
        Fault::ControlledStop,
        Fault::Kill,
        |target| power_loss(target, Survivors::All),
        |target| power_loss(target, Survivors::TornTail),
        |target| power_loss(target, Survivors::None),
    ];
    let milder = kinds.into_iter().map(|kind| kind(target.clone()));
    simpler.extend(milder.filter(|milder| milder.severity() < fault.severity()));
    simpler.extend(swallowing_one(fault));
    simpler
}

/// Something less severe done to the same client.
fn of_client_fault(fault: &Fault, host: &str) -> Vec<Fault> {
    let power_loss = |survivors| Fault::PowerLossClient {
        host: host.into(),
        survivors,
    };
    let kinds = [
        Fault::PauseClient(host.into()),
        Fault::KillClient(host.into()),
        power_loss(Survivors::All),
        power_loss(Survivors::TornTail),
        power_loss(Survivors::None),
    ];
    let milder = kinds.into_iter();
    milder.filter(|milder| milder.severity() < fault.severity()).collect()
}

/// A fault that swallows several requests with only one of them.
fn swallowing_one(fault: &Fault) -> Option<Fault> {
    let one = |filter: &Filter| Filter {
        count: 1,
        ..filter.clone()
    };
    match fault {
        Fault::DropRequest(filter) if filter.count > 1 => Some(Fault::DropRequest(one(filter))),
        Fault::DropResponse(filter) if filter.count > 1 => Some(Fault::DropResponse(one(filter))),
        _ => None,
    }
}

/// The same faults aimed at a smaller world: brokers and partitions that it lacks are counted round.
pub(super) fn folded(schedule: &Schedule, world: &World) -> Schedule {
    let brokers = i32::try_from(world.brokers).unwrap_or(i32::MAX).max(1);
    let partition = |partition: i32| partition.rem_euclid(world.partitions.max(1));
    let fold = |scheduled: &ScheduledFault| {
        let mut scheduled = scheduled.clone();
        if let Some(role) = target(&scheduled.fault).cloned() {
            let role = match role {
                Role::Broker(id) => Role::broker(id.0.rem_euclid(brokers)),
                Role::LeaderOf { topic, partition: old } => Role::leader_of(topic, partition(old)),
                Role::FollowerOf {
                    topic,
                    partition: old,
                    nth,
                } => Role::follower_of(topic, partition(old), nth),
                other => other,
            };
            scheduled.fault = with_target(&scheduled.fault, &role);
        }
        // Marks of partitions and brokers that are not there never come: time does.
        if names::unknown_trigger(world, &scheduled.at).is_some() {
            scheduled.at = Trigger::At(SimTime::from_secs(1));
        }
        scheduled
    };
    schedule.faults.iter().map(fold).collect()
}

fn power_loss(target: Role, survivors: Survivors) -> Fault {
    Fault::PowerLoss { target, survivors }
}

/// Whom a fault strikes that is done to brokers as a whole, or to the links of one. Other faults have nothing milder to
/// stand for them.
fn target(fault: &Fault) -> Option<&Role> {
    match fault {
        Fault::Kill(target)
        | Fault::PowerLoss { target, .. }
        | Fault::ControlledStop(target)
        | Fault::Pause(target)
        | Fault::Isolate(target)
        | Fault::IsolateFromController(target)
        | Fault::Wipe(target)
        | Fault::SlowMetadata { target, .. } => Some(target),
        Fault::Delay { to: peer, .. } | Fault::Hold { to: peer, .. } | Fault::Reset { b: peer, .. } => peer.role(),
        Fault::DropRequest(filter) | Fault::DropResponse(filter) => filter.broker.as_ref(),
        _ => None,
    }
}

fn with_target(fault: &Fault, target: &Role) -> Fault {
    let mut fault = fault.clone();
    let target = target.clone();
    match &mut fault {
        Fault::Kill(old)
        | Fault::PowerLoss { target: old, .. }
        | Fault::ControlledStop(old)
        | Fault::Pause(old)
        | Fault::Isolate(old)
        | Fault::IsolateFromController(old)
        | Fault::Wipe(old)
        | Fault::SlowMetadata { target: old, .. } => *old = target,
        Fault::Delay { to: peer, .. } | Fault::Hold { to: peer, .. } | Fault::Reset { b: peer, .. } => {
            *peer = Peer::Brokers(target);
        }
        Fault::DropRequest(filter) | Fault::DropResponse(filter) => filter.broker = Some(target),
        _ => {}
    }
    fault
}

fn shorter(heal_after: Option<Duration>) -> Vec<Duration> {
    let lasts = heal_after.unwrap_or(Duration::MAX);
    let round = [100, 500, 1_000, 2_000, 5_000, 10_000].map(Duration::from_millis);
    round.into_iter().filter(|shorter| *shorter < lasts).collect()
}

fn earlier(at: &Trigger) -> Vec<Trigger> {
    match at {
        Trigger::At(at) => {
            let seconds = at.as_nanos() / 1_000_000_000;
            let mut instants: Vec<SimTime> = [0, 1, 5, 10, seconds / 2, seconds]
                .map(SimTime::from_secs)
                .into_iter()
                .filter(|earlier| earlier < at)
                .collect();
            instants.sort_unstable();
            instants.dedup();
            instants.into_iter().map(Trigger::At).collect()
        }
        Trigger::Nth { mark, n } => {
            let mut counts = vec![1, n / 2, n.saturating_sub(1)];
            counts.retain(|count| (1..*n).contains(count));
            counts.dedup();
            let trigger = |n| Trigger::Nth { mark: mark.clone(), n };
            counts.into_iter().map(trigger).collect()
        }
    }
}
