use super::*;

#[test]
fn without_delay_a_payload_is_handed_straight_back() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    for n in 0..3 {
        assert_eq!(net.send(T0, channel, Side::A, n, 1), Sent::Immediate(n));
        assert_eq!(net.send(T0, channel, Side::B, n, 1), Sent::Immediate(n));
    }
    assert_eq!(net.next_due(), None);
}

#[test]
fn an_immediate_payload_never_overtakes_one_that_is_under_way() {
    let mut net = instant();
    let channel = net.connect(T0, APP, BROKER);
    let delay = rule(&mut net, APP, BROKER, LinkEffect::Delay(ms(10)));
    assert_eq!(net.send(T0, channel, Side::A, 1, 1), Sent::Scheduled);
    assert_eq!(
        net.send(at(1), channel, Side::B, 9, 1),
        Sent::Immediate(9),
        "the other direction is free"
    );
    net.remove_rule(at(2), delay);
    assert_eq!(net.send(at(2), channel, Side::A, 2, 1), Sent::Scheduled);
    assert_eq!(received(&mut net, at(2), Side::B), [1, 2]);
    assert_eq!(net.send(at(2), channel, Side::A, 3, 1), Sent::Immediate(3));
}

#[test]
fn bytes_of_one_connection_stay_in_order_however_the_latency_falls() {
    let mut net = jittery();
    let channel = net.connect(T0, APP, BROKER);
    for n in 0..500 {
        assert_eq!(net.send(at(n), channel, Side::A, n, 1), Sent::Scheduled);
    }
    let arrived = arrivals(&mut net, SimTime::MAX);
    assert!(arrived.is_sorted_by_key(|(due, _)| *due));
    let expected = (0..500).map(|payload| NetEvent::Deliver {
        channel,
        to: Side::B,
        payload,
    });
    assert!(arrived.into_iter().map(|(_, event)| event).eq(expected));
}

#[test]
fn a_payload_waits_for_the_one_before_it_and_for_nothing_else() {
    let dues = |channels: usize| {
        let mut net = jittery();
        let channels: Vec<_> = (0..channels).map(|_| net.connect(T0, APP, BROKER)).collect();
        for n in 0..100 {
            let _ = net.send(at(n), channels[n as usize % channels.len()], Side::A, n, 1);
        }
        let mut due_of = vec![T0; 100];
        for (due, event) in arrivals(&mut net, SimTime::MAX) {
            let NetEvent::Deliver { payload, .. } = event else {
                panic!("nothing is closed")
            };
            due_of[payload as usize] = due;
        }
        due_of
    };
    // The same link draws the same latencies, whether the payloads share a connection or not.
    let mut alone = dues(100);
    for n in 1..alone.len() {
        alone[n] = alone[n].max(alone[n - 1]);
    }
    assert_eq!(dues(1), alone);
}

#[test]
fn different_connections_overtake_each_other() {
    let mut net = jittery();
    for n in 0..50 {
        let channel = net.connect(T0, APP, BROKER);
        let _ = net.send(T0, channel, Side::A, n, 1);
    }
    let order = received(&mut net, SimTime::MAX, Side::B);
    assert_eq!(order.len(), 50);
    assert!(!order.is_sorted());
}

#[test]
fn latency_keeps_its_least_its_most_and_roughly_its_mean() {
    let mut net = jittery();
    let mut total = Duration::ZERO;
    let mut distinct = std::collections::BTreeSet::new();
    for _ in 0..2000 {
        let channel = net.connect(T0, APP, BROKER);
        let _ = net.send(T0, channel, Side::A, (), 1);
    }
    for (due, _) in arrivals(&mut net, SimTime::MAX) {
        assert!(due >= at(1) && due <= at(50), "{due}");
        total += due - T0;
        distinct.insert(due);
    }
    assert!(distinct.len() > 1000);
    let mean = total / 2000;
    assert!(mean > ms(9) && mean < ms(11), "{mean:?}");
}

#[test]
fn traffic_on_one_link_changes_no_latency_on_another() {
    let other = Endpoint::Broker(BrokerId(2));
    let run = |noise: usize| {
        let mut net = jittery();
        let watched = net.connect(T0, APP, BROKER);
        let noisy = net.connect(T0, APP, other);
        for _ in 0..noise {
            let _ = net.send(T0, noisy, Side::A, false, 1);
            let _ = net.send(T0, watched, Side::B, false, 1);
        }
        for n in 0..20 {
            let _ = net.send(at(n * 100), watched, Side::A, true, 1);
        }
        let all = arrivals(&mut net, SimTime::MAX).into_iter();
        all.filter(|(_, e)| matches!(e, NetEvent::Deliver { payload: true, .. }))
            .map(|(due, _)| due)
            .collect::<Vec<_>>()
    };
    assert_eq!(run(0), run(7));
}

#[test]
fn a_delay_adds_up_with_latency_and_other_delays() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    rule(&mut net, APP, BROKER, LinkEffect::Delay(ms(10)));
    net.add_rule(
        EndpointSet::clients(),
        EndpointSet::everybody(),
        LinkEffect::Delay(ms(100)),
    );
    let _ = net.send(T0, channel, Side::A, (), 1);
    assert_eq!(net.next_due(), Some(at(115)));
}

#[test]
fn healing_a_delay_hastens_what_is_under_way() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let delay = rule(&mut net, APP, BROKER, LinkEffect::Delay(Duration::from_secs(3600)));
    let _ = net.send(T0, channel, Side::A, 1, 1);
    let _ = net.send(at(1), channel, Side::A, 2, 1);
    net.remove_rule(at(20), delay);
    assert_eq!(net.next_due(), Some(at(25)));
    assert_eq!(received(&mut net, at(25), Side::B), [1, 2]);
}

#[test]
fn healing_never_makes_a_payload_later() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let delay = rule(&mut net, APP, BROKER, LinkEffect::Delay(ms(1)));
    let _ = net.send(T0, channel, Side::A, 1, 1);
    net.remove_rule(at(4), delay);
    assert_eq!(net.next_due(), Some(at(6)));
}

#[test]
fn bandwidth_paces_to_the_nanosecond_and_is_shared_by_a_link() {
    let mut net = net(LinkConfig {
        bandwidth: Some(3),
        ..LinkConfig::default()
    });
    let (first, second) = (net.connect(T0, APP, BROKER), net.connect(T0, APP, BROKER));
    let _ = net.send(T0, first, Side::A, 1, 1);
    let _ = net.send(T0, second, Side::A, 2, 2);
    let _ = net.send(T0, first, Side::B, 3, 3);
    let dues: Vec<u64> = arrivals(&mut net, SimTime::MAX)
        .into_iter()
        .map(|(due, _)| due.as_nanos())
        .collect();
    // A third of a second, rounded up; then two more thirds behind it; the other direction is a link of its own.
    assert_eq!(dues, [333_333_334, 1_000_000_000, 1_000_000_001]);
}

#[test]
fn an_idle_link_does_not_save_up_bandwidth() {
    let mut net = net(LinkConfig {
        bandwidth: Some(1000),
        ..LinkConfig::default()
    });
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(at(5000), channel, Side::A, (), 10);
    assert_eq!(net.next_due(), Some(at(5010)));
}

#[test]
fn healing_a_limit_lets_clogged_bytes_go() {
    let mut net = five_ms();
    let channel = net.connect(T0, APP, BROKER);
    let limit = rule(&mut net, APP, BROKER, LinkEffect::Bandwidth(1));
    for n in 0..3 {
        let _ = net.send(T0, channel, Side::A, n, 1_000_000);
    }
    net.remove_rule(at(50), limit);
    assert_eq!(received(&mut net, at(55), Side::B), [0, 1, 2]);
    let _ = net.send(at(60), channel, Side::A, 3, 1_000_000);
    assert_eq!(net.next_due(), Some(at(65)));
}

#[test]
fn the_tightest_limit_counts() {
    let mut net = net(LinkConfig {
        bandwidth: Some(1000),
        ..LinkConfig::default()
    });
    rule(&mut net, APP, BROKER, LinkEffect::Bandwidth(100));
    rule(&mut net, APP, BROKER, LinkEffect::Bandwidth(10_000));
    let channel = net.connect(T0, APP, BROKER);
    let _ = net.send(T0, channel, Side::A, (), 100);
    assert_eq!(net.next_due(), Some(at(1000)));
}

#[test]
fn arrivals_of_one_instant_come_in_the_order_of_sending() {
    let mut net = five_ms();
    let channels: Vec<_> = (0..3).map(|_| net.connect(T0, APP, BROKER)).collect();
    for (n, index) in [2, 0, 1, 0, 2].into_iter().enumerate() {
        let _ = net.send(T0, channels[index], Side::A, n, 1);
    }
    assert_eq!(received(&mut net, at(5), Side::B), [0, 1, 2, 3, 4]);
}

#[test]
fn each_kind_of_link_has_its_own_latency() {
    let link = |millis| LinkConfig {
        latency: Latency::constant(ms(millis)),
        ..LinkConfig::default()
    };
    let config = NetConfig {
        client_broker: link(1),
        broker_broker: link(2),
        broker_controller: link(3),
    };
    let mut net = Net::new(config, Seed(0));
    let mut arrival = |a, b, side| {
        let channel = net.connect(T0, a, b);
        let _ = net.send(T0, channel, side, (), 1);
        arrivals(&mut net, at(9))[0].0
    };
    assert_eq!(arrival(APP, BROKER, Side::B), at(1));
    assert_eq!(arrival(BROKER, Endpoint::Broker(BrokerId(2)), Side::A), at(2));
    assert_eq!(arrival(BROKER, Endpoint::Controller, Side::A), at(3));
    assert_eq!(arrival(BROKER, Endpoint::Controller, Side::B), at(3));
}
