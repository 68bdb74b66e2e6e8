//! Faults of links and of single requests, for everything that makes schedules.

use std::time::Duration;

use kafka_sim_cluster::fault::{Fault, Filter, Peer, Role};

/// The fault of that kind, from 0 the mildest; kinds past the last are the last.
pub(crate) fn network_fault_of(kind: u64, target: Role, lasts: Duration) -> Fault {
    let broker = Peer::Brokers(target.clone());
    match kind {
        0 => Fault::Delay {
            from: Peer::Clients,
            to: broker,
            extra: lasts / 10,
        },
        1 => Fault::Reset {
            a: Peer::Clients,
            b: broker,
        },
        2 => Fault::Hold {
            from: Peer::Brokers(Role::AllBrokers),
            to: broker,
        },
        3 => Fault::DropRequest(Filter::next(1).broker(target)),
        4 => Fault::DropResponse(Filter::next(1).api(0).broker(target)),
        _ => Fault::SlowMetadata { target, extra: lasts },
    }
}
