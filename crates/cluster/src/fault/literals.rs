//! Faults and what they are made of, as Rust expressions. The tables are exhaustive: a new variant does not compile
//! until it is listed.

use crate::fault::literal::{Literal, call, fields};
use crate::fault::{Fault, Filter, Peer, Role, Survivors};

macro_rules! literals {
    ($type:ident {
        units: $($unit:ident),*;
        tuples: $($tuple:ident),*;
        structs: $($variant:ident { $($field:ident),* }),*;
    }) => {
        impl Literal for $type {
            fn write_literal(&self, out: &mut String) {
                match self {
                    $($type::$unit => out.push_str(concat!(stringify!($type), "::", stringify!($unit))),)*
                    $($type::$tuple(value) => {
                        call(out, concat!(stringify!($type), "::", stringify!($tuple)), value);
                    })*
                    $($type::$variant { $($field),* } => {
                        let named: &[(&str, &dyn Literal)] = &[$((stringify!($field), $field)),*];
                        fields(out, concat!(stringify!($type), "::", stringify!($variant)), named);
                    })*
                }
            }
        }
    };
}

literals!(Fault {
    units: ;
    tuples: Kill, CleanStop, ControlledStop, Restart, Pause, Isolate, RefuseConnections, DropRequest, DropResponse,
        FailFsync, LyingFsync, FullDisk, Wipe, IsolateFromController, KillClient, PauseClient;
    structs:
        PowerLoss { target, survivors },
        Partition { a, b },
        BlackHole { from, to },
        Hold { from, to },
        Delay { from, to, extra },
        Bandwidth { from, to, bytes_per_second },
        Reset { a, b },
        SlowFsync { target, latency },
        CorruptTail { target, topic, partition },
        UncleanElection { topic, partition },
        PreferredElection { topic, partition },
        AddPartitions { topic, total },
        DeleteTopic { topic },
        SlowMetadata { target, extra },
        PowerLossClient { host, survivors };
});

literals!(Role {
    units: AllBrokers;
    tuples: Broker, Rack;
    structs:
        LeaderOf { topic, partition },
        FollowerOf { topic, partition, nth },
        ReplicasOf { topic, partition },
        IsrOf { topic, partition },
        CoordinatorOf { group };
});

literals!(Peer {
    units: Clients, Controller;
    tuples: Brokers, Client;
    structs: ;
});

literals!(Survivors {
    units: None, Prefix, PageSubset, TornTail, All;
    tuples: ;
    structs: ;
});

impl Literal for Filter {
    fn write_literal(&self, out: &mut String) {
        let Filter {
            api,
            client,
            broker,
            count,
        } = self;
        fields(
            out,
            "Filter",
            &[("api", api), ("client", client), ("broker", broker), ("count", count)],
        );
    }
}
