use super::*;

#[test]
fn a_one_way_black_hole_swallows_one_direction_only() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    rule(&mut net, BROKER, APP, LinkEffect::BlackHole);
    assert_eq!(net.send(T0, channel, Side::B, 1, 1), Sent::Lost);
    assert_eq!(net.send(T0, channel, Side::A, 2, 1), Sent::Immediate(2));
    assert_eq!(net.send(T0, channel, Side::B, 3, 1), Sent::Lost);
}

#[test]
fn a_connection_that_lost_something_is_dead_after_the_healing() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let hole = rule(&mut net, APP, BROKER, LinkEffect::BlackHole);
    assert_eq!(net.send(T0, channel, Side::A, 1, 1), Sent::Lost);
    net.remove_rule(at(1), hole);
    assert_eq!(net.next_due(), None, "nobody is told");
    assert_eq!(net.send(at(1), channel, Side::A, 2, 1), Sent::Reset);
    assert!(!net.is_open(channel, Side::A));
    assert!(
        net.is_open(channel, Side::B),
        "the other end is half open until it sends"
    );
    assert_eq!(net.send(at(2), channel, Side::B, 3, 1), Sent::Reset);
    assert_eq!(net.channel_count(), 0);
}

#[test]
fn the_end_that_lost_nothing_is_half_open_too() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let hole = rule(&mut net, APP, BROKER, LinkEffect::BlackHole);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    net.remove_rule(at(1), hole);
    assert_eq!(net.send(at(1), channel, Side::B, 2, 1), Sent::Reset);
    assert_eq!(net.send(at(1), channel, Side::A, 3, 1), Sent::Reset);
}

#[test]
fn a_connection_that_lost_nothing_outlives_the_black_hole() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let hole = net.add_rule(
        EndpointSet::everybody(),
        EndpointSet::everybody(),
        LinkEffect::BlackHole,
    );
    net.remove_rule(at(1), hole);
    assert_eq!(net.send(at(1), channel, Side::A, 1, 1), Sent::Immediate(1));
    assert_eq!(net.send(at(1), channel, Side::B, 2, 1), Sent::Immediate(2));
}

#[test]
fn a_black_hole_swallows_bytes_in_flight() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    let hole = rule(&mut net, APP, BROKER, LinkEffect::BlackHole);
    assert_eq!(net.next_due(), None);
    net.remove_rule(at(1), hole);
    assert_eq!(net.send(at(2), channel, Side::A, 2, 1), Sent::Reset);
}

#[test]
fn a_close_into_a_black_hole_leaves_the_other_end_half_open() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let hole = rule(&mut net, APP, BROKER, LinkEffect::BlackHole);
    net.close(T0, channel, Side::A);
    assert_eq!(net.next_due(), None);
    assert!(net.is_open(channel, Side::B));
    net.remove_rule(at(1), hole);
    assert_eq!(net.send(at(2), channel, Side::B, 1, 1), Sent::Reset);
    assert_eq!(net.channel_count(), 0);
}

#[test]
fn new_connections_work_after_the_healing() {
    let mut net = instant();
    let hole = rule(&mut net, APP, BROKER, LinkEffect::BlackHole);
    assert!(net.is_black_holed(APP, BROKER));
    assert!(!net.is_black_holed(BROKER, APP));
    let early = net.connect(T0, APP, BROKER);
    assert_eq!(net.send(T0, early, Side::A, 1, 1), Sent::Lost, "the handshake is lost");
    net.remove_rule(at(1), hole);
    let late = net.connect(at(1), APP, BROKER);
    assert_eq!(net.send(at(1), late, Side::A, 2, 1), Sent::Immediate(2));
    assert_eq!(net.send(at(1), early, Side::A, 3, 1), Sent::Reset);
}

#[test]
fn a_rule_covers_only_its_own_links() {
    let mut net = instant();
    let other = Endpoint::Client(1);
    let mine = net.connect(T0, APP, BROKER);
    let theirs = net.connect(T0, other, BROKER);
    rule(&mut net, APP, BROKER, LinkEffect::BlackHole);
    assert_eq!(net.send(T0, mine, Side::A, 1, 1), Sent::Lost);
    assert_eq!(net.send(T0, theirs, Side::A, 2, 1), Sent::Immediate(2));
    net.add_rule(EndpointSet::from(BROKER), EndpointSet::clients(), LinkEffect::BlackHole);
    assert_eq!(net.send(T0, theirs, Side::B, 3, 1), Sent::Lost);
}
