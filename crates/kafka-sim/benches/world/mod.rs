//! The world that is measured: 3 brokers, 3 partitions, replication 3, 200 messages, 10 faults, 60 virtual seconds.

use std::time::Duration;

use kafka_sim::{Fault, Filter, Peer, ProducerPlan, Role, Run, Schedule, Seed, Sim, SimTime, Survivors, Topic};

fn faults() -> Schedule {
    let leader = |partition| Role::leader_of("orders", partition);
    let clients_to = |role: Role| Fault::Reset {
        a: Peer::Clients,
        b: Peer::Brokers(role),
    };
    let list = [
        (2, Fault::DropResponse(Filter::next(1).api(0))),
        (5, clients_to(leader(0))),
        (8, Fault::Kill(leader(0))),
        (
            20,
            Fault::Delay {
                from: Peer::Clients,
                to: Peer::Brokers(leader(1)),
                extra: Duration::from_millis(200),
            },
        ),
        (
            24,
            Fault::PowerLoss {
                target: leader(1),
                survivors: Survivors::None,
            },
        ),
        (
            38,
            Fault::Hold {
                from: Peer::Brokers(Role::AllBrokers),
                to: Peer::Brokers(Role::AllBrokers),
            },
        ),
        (42, Fault::DropRequest(Filter::next(1).api(0))),
        (45, Fault::Pause(leader(2))),
        (
            50,
            Fault::SlowMetadata {
                target: Role::follower_of("orders", 0, 0),
                extra: Duration::from_secs(1),
            },
        ),
        (55, clients_to(leader(2))),
    ];
    list.into_iter()
        .map(|(at, fault)| fault.at(SimTime::from_secs(at)).healed_after(Duration::from_secs(4)))
        .collect()
}

/// One complete run: start, faults, healing, convergence, final read.
pub(crate) fn run(seed: u64, keep_events: bool) -> Run {
    Sim::new(Seed(seed))
        .topic(
            Topic::named("orders")
                .partitions(3)
                .replicas(3)
                .config("min.insync.replicas", "2"),
        )
        .producer(ProducerPlan::to("orders").every(Duration::from_millis(300)))
        .faults(faults())
        .lasts(Duration::from_secs(60))
        .keep_events(keep_events)
        .run()
        .expect("the settings are valid")
}
