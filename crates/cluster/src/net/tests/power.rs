use super::*;

#[test]
fn a_machine_without_power_is_silent_and_answers_with_resets_afterwards() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    net.power_off(BROKER);
    assert_eq!(net.next_due(), None, "the client hears nothing");
    assert!(!net.is_open(channel, Side::B));
    assert_eq!(net.send(at(1), channel, Side::A, 1, 1), Sent::Lost);
    net.power_on(BROKER);
    assert_eq!(net.send(at(2), channel, Side::A, 2, 1), Sent::Reset);
    assert_eq!(net.channel_count(), 0);
}

#[test]
fn a_client_that_was_quiet_meanwhile_is_reset_too() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    net.power_off(BROKER);
    net.power_on(BROKER);
    assert_eq!(net.send(at(2), channel, Side::A, 1, 1), Sent::Reset);
}

#[test]
fn what_left_the_machine_before_arrives_and_what_was_for_it_does_not() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(T0, channel, Side::B, 1, 1);
    let _ = net.send(T0, channel, Side::A, 2, 1);
    net.power_off(BROKER);
    assert_eq!(
        arrivals(&mut net, at(9)),
        [(
            at(5),
            NetEvent::Deliver {
                channel,
                to: Side::A,
                payload: 1
            }
        )]
    );
}

#[test]
fn held_bytes_die_with_their_sender() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let hold = rule(&mut net, BROKER, APP, LinkEffect::Hold);
    let _ = net.send(T0, channel, Side::B, 1, 1);
    net.close(T0, channel, Side::B);
    net.power_off(BROKER);
    net.remove_rule(at(1), hold);
    assert_eq!(net.next_due(), None);
    net.power_on(BROKER);
    assert_eq!(net.send(at(2), channel, Side::A, 2, 1), Sent::Reset);
}

#[test]
fn nobody_connects_to_a_machine_without_power() {
    let mut net = instant();
    net.power_off(BROKER);
    assert!(net.is_black_holed(APP, BROKER));
    let channel = net.connect(T0, APP, BROKER);
    assert_eq!(net.channels_of(BROKER).count(), 0);
    assert_eq!(net.send(T0, channel, Side::A, 1, 1), Sent::Lost);
    net.power_on(BROKER);
    assert_eq!(net.send(at(1), channel, Side::A, 2, 1), Sent::Reset);
    let fresh = net.connect(at(1), APP, BROKER);
    assert_eq!(net.send(at(1), fresh, Side::A, 3, 1), Sent::Immediate(3));
}

#[test]
fn connections_between_two_machines_without_power_are_forgotten() {
    let mut net = five_ms();
    let other = Endpoint::Broker(BrokerId(2));
    let channel = net.connect(T0, BROKER, other);
    let _ = net.send(T0, channel, Side::A, (), 1);
    net.power_off(BROKER);
    net.power_off(other);
    assert_eq!((net.channel_count(), net.next_due()), (0, None));
}
