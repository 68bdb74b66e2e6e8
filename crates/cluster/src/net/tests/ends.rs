//! How connections end: orderly, by reset, or forgotten while idle.

use super::*;

fn idle_after(timeout: Duration) -> LinkConfig {
    LinkConfig {
        idle_timeout: Some(timeout),
        ..LinkConfig::default()
    }
}

#[test]
fn a_close_arrives_after_the_last_byte() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    net.close(T0, channel, Side::A);
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
    assert_eq!(arrivals(&mut net, at(5)), [(at(5), deliver), (at(5), closed)]);
    assert_eq!(net.channel_count(), 0);
}

#[test]
fn what_is_sent_to_an_end_that_closed_is_lost_until_the_close_arrives() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(T0, channel, Side::B, 1, 1);
    net.close(at(1), channel, Side::A);
    assert_eq!(net.send(at(2), channel, Side::B, 2, 1), Sent::Lost);
    assert_eq!(
        net.send(at(2), channel, Side::A, 3, 1),
        Sent::Reset,
        "it has closed itself"
    );
    assert_eq!(
        arrivals(&mut net, at(9)),
        [(
            at(6),
            NetEvent::Closed {
                channel,
                side: Side::B,
                reset: false
            }
        )]
    );
    assert_eq!(net.send(at(9), channel, Side::B, 4, 1), Sent::Reset);
}

#[test]
fn ends_that_close_at_once_hear_nothing_of_each_other() {
    let mut net = five_ms::<()>();
    let channel = net.connect(T0, APP, BROKER);
    net.close(T0, channel, Side::A);
    net.close(T0, channel, Side::B);
    net.close(T0, channel, Side::B);
    assert_eq!(net.next_due(), None);
    assert_eq!(net.channel_count(), 0);
}

#[test]
fn a_reset_drops_what_is_in_flight_and_both_ends_hear_of_it() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    let _ = net.send(T0, channel, Side::B, 2, 1);
    net.reset(at(1), channel);
    assert_eq!(
        net.send(at(1), channel, Side::A, 3, 1),
        Sent::Lost,
        "its end is about to come"
    );
    let closed = |side| {
        (
            at(1),
            NetEvent::Closed {
                channel,
                side,
                reset: true,
            },
        )
    };
    assert_eq!(arrivals(&mut net, at(99)), [closed(Side::A), closed(Side::B)]);
    assert_eq!(net.channel_count(), 0);
}

#[test]
fn no_rule_stops_a_reset() {
    let mut net = five_ms::<()>();
    let channel = net.connect(T0, APP, BROKER);
    let everybody = EndpointSet::everybody;
    net.add_rule(everybody(), everybody(), LinkEffect::Hold);
    net.reset(at(1), channel);
    net.add_rule(everybody(), everybody(), LinkEffect::BlackHole);
    let slow = net.add_rule(everybody(), everybody(), LinkEffect::Delay(ms(9)));
    net.remove_rule(at(1), slow);
    assert_eq!(endings(&mut net, at(1)), [(Side::A, true), (Side::B, true)]);
}

#[test]
fn a_reset_after_a_close_tells_only_the_end_that_did_not_close() {
    let mut net = five_ms::<()>();
    let channel = net.connect(T0, APP, BROKER);
    net.close(T0, channel, Side::A);
    net.reset(at(1), channel);
    assert_eq!(endings(&mut net, at(99)), [(Side::B, true)]);
}

#[test]
fn a_reset_between_sets_hits_both_directions_and_nothing_else() {
    let mut net = instant::<()>();
    let other = Endpoint::Broker(BrokerId(2));
    let made_by_client = net.connect(T0, APP, BROKER);
    let made_by_broker = net.connect(T0, BROKER, APP);
    let elsewhere = net.connect(T0, APP, other);
    let hit = net.reset_between(T0, &EndpointSet::from(BROKER), &EndpointSet::clients());
    assert_eq!(hit, [made_by_client, made_by_broker]);
    assert_eq!(endings(&mut net, T0).len(), 4);
    assert!(net.is_open(elsewhere, Side::A) && net.is_open(elsewhere, Side::B));
}

#[test]
fn an_idle_connection_is_forgotten_without_a_word() {
    let mut net = net(idle_after(ms(100)));
    let channel = net.connect(T0, APP, BROKER);
    assert_eq!(net.send(at(100), channel, Side::A, 1, 1), Sent::Immediate(1));
    assert_eq!(
        net.send(at(200), channel, Side::B, 2, 1),
        Sent::Immediate(2),
        "traffic either way keeps it alive"
    );
    assert_eq!(net.next_due(), None);
    assert_eq!(net.send(at(301), channel, Side::A, 3, 1), Sent::Reset);
    assert!(net.is_open(channel, Side::B), "the other end still believes in it");
    assert_eq!(net.send(at(302), channel, Side::B, 4, 1), Sent::Reset);
    assert_eq!(net.channel_count(), 0);
}

#[test]
fn closing_a_forgotten_connection_tells_the_other_end_nothing() {
    let mut net = net(idle_after(ms(100)));
    let channel = net.connect(T0, APP, BROKER);
    net.close(at(500), channel, Side::A);
    assert_eq!(net.next_due(), None);
    assert_eq!(net.send(at(500), channel, Side::B, (), 1), Sent::Reset);
}

#[test]
fn a_connection_with_held_bytes_is_not_idle() {
    let mut net = net(idle_after(ms(100)));
    let channel = net.connect(T0, APP, BROKER);
    let hold = rule(&mut net, APP, BROKER, LinkEffect::Hold);
    let _ = net.send(T0, channel, Side::A, 1, 1);
    net.remove_rule(at(500), hold);
    assert_eq!(received(&mut net, at(500), Side::B), [1]);
    assert_eq!(net.send(at(510), channel, Side::B, 2, 1), Sent::Immediate(2));
}

#[test]
fn the_ends_a_machine_holds_are_listed_until_they_are_over() {
    let mut net = instant::<()>();
    let first = net.connect(T0, APP, BROKER);
    let second = net.connect(T0, BROKER, Endpoint::Controller);
    let ends = |net: &Net<()>| net.channels_of(BROKER).collect::<Vec<_>>();
    assert_eq!(ends(&net), [(first, Side::B), (second, Side::A)]);
    assert_eq!(net.endpoints(first), Some((APP, BROKER)));
    net.close(T0, first, Side::B);
    assert_eq!(ends(&net), [(second, Side::A)]);
    net.close(T0, first, Side::A);
    assert_eq!(net.endpoints(first), None);
}
