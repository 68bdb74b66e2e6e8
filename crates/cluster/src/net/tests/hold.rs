use super::*;

#[test]
fn held_bytes_arrive_in_order_after_the_release_with_fresh_latency() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let hold = rule(&mut net, APP, BROKER, LinkEffect::Hold);
    for n in 0..4 {
        assert_eq!(net.send(at(n), channel, Side::A, n, 1), Sent::Scheduled);
    }
    assert_eq!(net.next_due(), None);
    net.remove_rule(at(100), hold);
    assert_eq!(net.next_due(), Some(at(105)));
    assert_eq!(net.send(at(100), channel, Side::A, 4, 1), Sent::Scheduled);
    assert_eq!(received(&mut net, at(105), Side::B), [0, 1, 2, 3, 4]);
}

#[test]
fn the_order_survives_jitter_at_the_release() {
    let mut net = jittery();
    let channel = net.connect(T0, APP, BROKER);
    let hold = rule(&mut net, APP, BROKER, LinkEffect::Hold);
    for n in 0..100 {
        let _ = net.send(T0, channel, Side::A, n, 1);
    }
    net.remove_rule(at(100), hold);
    for n in 100..200 {
        let _ = net.send(at(100), channel, Side::A, n, 1);
    }
    assert!(received(&mut net, SimTime::MAX, Side::B).into_iter().eq(0..200));
}

#[test]
fn a_hold_stops_bytes_in_flight() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    let hold = rule(&mut net, APP, BROKER, LinkEffect::Hold);
    let _ = net.send(at(1), channel, Side::A, 2, 1);
    assert_eq!(net.next_due(), None);
    net.remove_rule(at(9), hold);
    assert_eq!(received(&mut net, at(14), Side::B), [1, 2]);
}

#[test]
fn a_hold_in_one_direction_leaves_the_other_alone() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    rule(&mut net, APP, BROKER, LinkEffect::Hold);
    assert_eq!(net.send(T0, channel, Side::A, 1, 1), Sent::Scheduled);
    assert_eq!(net.send(T0, channel, Side::B, 2, 1), Sent::Immediate(2));
}

#[test]
fn bytes_stay_held_until_the_last_hold_is_lifted() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let first = rule(&mut net, APP, BROKER, LinkEffect::Hold);
    let second = net.add_rule(EndpointSet::everybody(), EndpointSet::everybody(), LinkEffect::Hold);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    net.remove_rule(at(1), first);
    assert_eq!(net.next_due(), None);
    net.remove_rule(at(2), second);
    net.remove_rule(at(3), second);
    assert_eq!(received(&mut net, at(2), Side::B), [1]);
}

#[test]
fn a_close_waits_behind_held_bytes() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let hold = rule(&mut net, APP, BROKER, LinkEffect::Hold);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    net.close(T0, channel, Side::A);
    assert_eq!(net.next_due(), None);
    net.remove_rule(at(7), hold);
    let deliver = NetEvent::Deliver {
        channel,
        to: Side::B,
        payload: 1,
    };
    let closed = NetEvent::Closed {
        channel,
        side: Side::B,
        reset: false,
    };
    assert_eq!(arrivals(&mut net, at(7)), [(at(7), deliver), (at(7), closed)]);
}

#[test]
fn a_black_hole_swallows_what_is_held() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let hold = rule(&mut net, APP, BROKER, LinkEffect::Hold);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    let hole = rule(&mut net, APP, BROKER, LinkEffect::BlackHole);
    net.remove_rule(at(1), hold);
    net.remove_rule(at(2), hole);
    assert_eq!(net.next_due(), None);
    assert_eq!(net.send(at(3), channel, Side::A, 2, 1), Sent::Reset);
}
