//! Links that fail, and the ambiguity they leave behind.

use std::time::Duration;

use kafka_sim_cluster::CloseReason;
use kafka_sim_cluster::fault::{Fault, Filter, Peer, Role};
use kafka_sim_tests::requests::{PRODUCE, produce};
use kafka_sim_tests::{batch, idempotent};

use crate::story::*;

const API_PRODUCE: i16 = 0;

#[test]
fn a_dropped_request_was_never_handled() {
    let mut h = cluster(orders(3, "2"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.inject(Fault::DropRequest(Filter::next(1).api(API_PRODUCE)));
    h.send(conn, PRODUCE, &produce("orders", 0, -1, batch("a")));
    assert_eq!(h.ending(conn), CloseReason::Fault);
    h.pass(secs(1));
    assert_eq!(h.replica("orders", 0, leader).log_end, 0);
}

#[test]
fn a_dropped_response_was_handled_and_the_client_cannot_tell() {
    let mut h = cluster(orders(3, "2"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.inject(Fault::DropResponse(Filter::next(1).api(API_PRODUCE)));
    h.send(conn, PRODUCE, &produce("orders", 0, -1, batch("a")));
    assert_eq!((h.ending(conn), h.arrived(conn)), (CloseReason::Fault, None));
    assert_eq!(h.replica("orders", 0, leader).log_end, 1);
    let conn = to_leader(&mut h);
    assert_eq!(
        write(&mut h, conn, -1, "a"),
        (0, 1),
        "a retry that is not idempotent doubles the record"
    );
}

#[test]
fn an_idempotent_retry_after_a_dropped_response_doubles_nothing() {
    let mut h = cluster(orders(3, "2"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.inject(Fault::DropResponse(Filter::next(1).api(API_PRODUCE)));
    h.send(conn, PRODUCE, &produce("orders", 0, -1, idempotent(9, 0, 0, 1)));
    assert_eq!(h.ending(conn), CloseReason::Fault);
    let conn = to_leader(&mut h);
    assert_eq!(h.produce(conn, "orders", 0, -1, idempotent(9, 0, 0, 1)).base_offset, 0);
    assert_eq!(h.replica("orders", 0, leader).log_end, 1);
}

#[test]
fn a_fault_for_another_client_or_api_passes_by() {
    let mut h = cluster(orders(3, "2"));
    let conn = to_leader(&mut h);
    h.inject(Fault::DropRequest(Filter::next(1).client("somebody-else")));
    h.inject(Fault::DropRequest(Filter::next(1).api(19)));
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
}

#[test]
fn a_black_hole_tells_nobody() {
    let mut h = cluster(orders(3, "2"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.inject(Fault::BlackHole {
        from: Peer::Clients,
        to: Role::broker(leader).into(),
    });
    h.send(conn, PRODUCE, &produce("orders", 0, -1, batch("a")));
    h.pass(secs(60));
    assert_eq!(
        (h.over(conn), h.arrived(conn), h.replica("orders", 0, leader).log_end),
        (None, None, 0)
    );
}

#[test]
fn a_reset_tells_both_ends_at_once_and_new_connections_work() {
    let mut h = cluster(orders(3, "2"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.inject(Fault::Reset {
        a: Peer::Clients,
        b: Role::broker(leader).into(),
    });
    assert!(h.over(conn).is_some());
    let conn = to_leader(&mut h);
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
}

#[test]
fn held_bytes_arrive_in_order_when_the_hold_ends() {
    let mut h = cluster(orders(1, "1"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.inject_for(
        Fault::Hold {
            from: Peer::Clients,
            to: Role::broker(leader).into(),
        },
        secs(30),
    );
    for value in ["a", "b", "c"] {
        h.send(conn, PRODUCE, &produce("orders", 0, 1, batch(value)));
    }
    h.pass(secs(29));
    assert_eq!(h.replica("orders", 0, leader).log_end, 0);
    h.pass(secs(2));
    assert_eq!(read_after(&mut h, conn), ["a", "b", "c"]);
}

/// What is in the log, after the answers to three requests were taken off the connection.
fn read_after(h: &mut kafka_sim_tests::Harness, conn: kafka_sim_core::ConnId) -> Vec<String> {
    for _ in 0..3 {
        h.await_frame(conn);
    }
    read(h, conn)
}

#[test]
fn a_port_that_refuses_leaves_old_connections_alone() {
    let mut h = cluster(orders(3, "2"));
    let leader = h.leader("orders", 0);
    let conn = to_leader(&mut h);
    h.inject(Fault::RefuseConnections(Role::broker(leader)));
    let refused = h.dial(leader);
    assert_eq!(h.ending(refused), CloseReason::Refused);
    assert_eq!(write(&mut h, conn, -1, "a").0, 0);
}

#[test]
fn a_killed_broker_closes_its_connections_and_one_without_power_does_not() {
    let mut h = cluster(orders(3, "2"));
    let (leader, follower) = (h.leader("orders", 0), h.followers("orders", 0)[0]);
    let (killed, dark) = (h.connect(leader), h.connect(follower));
    h.inject(Fault::Kill(Role::broker(leader)));
    h.inject(Fault::PowerLoss {
        target: Role::broker(follower),
        survivors: kafka_sim_cluster::disk::Survivors::None,
    });
    h.pass(Duration::from_millis(100));
    assert_eq!((h.over(killed), h.over(dark)), (Some(CloseReason::BrokerGone), None));
}
