//! Steps from a schedule to simpler ones.

use std::time::Duration;

use kafka_sim_cluster::disk::Survivors;
use kafka_sim_cluster::fault::{Fault, Role, Schedule, ScheduledFault, Trigger};
use kafka_sim_core::SimTime;

use super::TOPIC;

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
pub(super) fn of(scheduled: &ScheduledFault) -> Vec<ScheduledFault> {
    let kinds = of_fault(&scheduled.fault).into_iter().map(|fault| ScheduledFault {
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
fn of_fault(fault: &Fault) -> Vec<Fault> {
    if let Some(host) = fault.client() {
        return of_client_fault(fault, host);
    }
    let Some(target) = sole_target(fault) else {
        return Vec::new();
    };
    let mut simpler = Vec::new();
    if *target == Role::AllBrokers {
        // Who is struck matters more than how.
        simpler.push(with_target(fault, &Role::leader_of(TOPIC, 0)));
    }
    let kinds: [fn(Role) -> Fault; 8] = [
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

fn power_loss(target: Role, survivors: Survivors) -> Fault {
    Fault::PowerLoss { target, survivors }
}

/// Whom a fault strikes that is done to brokers as a whole. Other faults have nothing milder to stand for them.
fn sole_target(fault: &Fault) -> Option<&Role> {
    match fault {
        Fault::Kill(target)
        | Fault::PowerLoss { target, .. }
        | Fault::ControlledStop(target)
        | Fault::Pause(target)
        | Fault::Isolate(target)
        | Fault::IsolateFromController(target)
        | Fault::Wipe(target) => Some(target),
        _ => None,
    }
}

fn with_target(fault: &Fault, target: &Role) -> Fault {
    let target = target.clone();
    match fault {
        Fault::Kill(_) => Fault::Kill(target),
        Fault::PowerLoss { survivors, .. } => power_loss(target, *survivors),
        Fault::ControlledStop(_) => Fault::ControlledStop(target),
        Fault::Pause(_) => Fault::Pause(target),
        Fault::Isolate(_) => Fault::Isolate(target),
        Fault::IsolateFromController(_) => Fault::IsolateFromController(target),
        Fault::Wipe(_) => Fault::Wipe(target),
        other => other.clone(),
    }
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
