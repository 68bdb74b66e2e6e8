//! Anything in any order, against a model that knows only what an end may see.

use std::collections::BTreeMap;

use kafka_sim_core::SimRng;

use crate::net::ChannelId;

use super::*;

const MACHINES: [Endpoint; 4] = [
    Endpoint::Client(0),
    Endpoint::Client(1),
    Endpoint::Broker(BrokerId(1)),
    Endpoint::Broker(BrokerId(2)),
];

/// What one end of one connection has seen.
#[derive(Default)]
struct End {
    sent: u64,
    /// The next number this end may receive. Numbers may be skipped at the end only, since nothing follows a loss.
    expects: u64,
    /// Something it sent was lost, so nothing later may arrive.
    lost_at: Option<u64>,
    over: bool,
}

#[derive(Default)]
struct Model {
    ends: BTreeMap<(ChannelId, Side), End>,
}

impl Model {
    fn end(&mut self, channel: ChannelId, side: Side) -> &mut End {
        self.ends.entry((channel, side)).or_default()
    }

    fn deliver(&mut self, channel: ChannelId, to: Side, payload: u64) {
        let lost_at = self.end(channel, to.other()).lost_at;
        assert!(
            lost_at.is_none_or(|lost| payload < lost),
            "{payload} arrived after {lost_at:?} was lost"
        );
        let end = self.end(channel, to);
        assert!(!end.over, "an end that is over received {payload}");
        assert_eq!(payload, end.expects, "lost, doubled or reordered");
        end.expects += 1;
    }

    fn ends_now(&mut self, channel: ChannelId, side: Side) {
        let end = self.end(channel, side);
        assert!(!end.over, "an end heard twice that it is over");
        end.over = true;
    }
}

fn send(net: &mut Net<u64>, model: &mut Model, now: SimTime, channel: ChannelId, from: Side) {
    let end = model.end(channel, from);
    let number = end.sent;
    end.sent += 1;
    let was_over = end.over;
    match net.send(now, channel, from, number, 100) {
        Sent::Immediate(payload) => model.deliver(channel, from.other(), payload),
        Sent::Scheduled => {}
        Sent::Lost => _ = model.end(channel, from).lost_at.get_or_insert(number),
        Sent::Reset if was_over => {}
        Sent::Reset => model.ends_now(channel, from),
    }
}

fn drain(net: &mut Net<u64>, model: &mut Model, now: SimTime) {
    while let Some(event) = net.pop_due(now) {
        match event {
            NetEvent::Deliver { channel, to, payload } => model.deliver(channel, to, payload),
            NetEvent::Closed { channel, side, .. } => model.ends_now(channel, side),
        }
    }
    assert!(net.next_due().is_none_or(|due| due > now));
}

fn effect(rng: &mut SimRng) -> LinkEffect {
    match rng.below(4) {
        0 => LinkEffect::Hold,
        1 => LinkEffect::BlackHole,
        2 => LinkEffect::Delay(rng.duration_between(Duration::ZERO, ms(200))),
        _ => LinkEffect::Bandwidth(rng.between(1, 10_000)),
    }
}

fn set(rng: &mut SimRng) -> EndpointSet {
    match rng.below(6) {
        0 => EndpointSet::everybody(),
        1 => EndpointSet::clients(),
        _ => EndpointSet::from(MACHINES[rng.index(MACHINES.len())]),
    }
}

fn walk(seed: u64, link: LinkConfig) {
    let mut rng = Seed(seed).stream("walk", 0);
    let mut net: Net<u64> = Net::new(NetConfig::uniform(link), Seed(seed));
    let mut model = Model::default();
    let (mut now, mut channels, mut rules) = (T0, Vec::new(), Vec::new());
    for _ in 0..400 {
        now += rng.duration_between(Duration::ZERO, ms(3));
        drain(&mut net, &mut model, now);
        let side = if rng.chance(1, 2) { Side::A } else { Side::B };
        match (rng.below(40), rng.pick(&channels).copied()) {
            (0, _) | (_, None) => channels.push(net.connect(now, MACHINES[rng.index(2)], MACHINES[2 + rng.index(2)])),
            (1, Some(channel)) => {
                net.close(now, channel, side);
                model.end(channel, side).over = true;
            }
            (2, Some(channel)) => net.reset(now, channel),
            (3, _) => _ = net.reset_between(now, &set(&mut rng), &set(&mut rng)),
            (4 | 5, _) => rules.push(net.add_rule(set(&mut rng), set(&mut rng), effect(&mut rng))),
            (6..=8, _) if !rules.is_empty() => net.remove_rule(now, rules.swap_remove(rng.index(rules.len()))),
            (9, _) => {
                let machine = MACHINES[rng.index(MACHINES.len())];
                let forgotten: Vec<_> = net.channels_of(machine).collect();
                forgotten
                    .into_iter()
                    .for_each(|(channel, side)| model.ends_now(channel, side));
                net.power_off(machine);
            }
            (10 | 11, _) => net.power_on(MACHINES[rng.index(MACHINES.len())]),
            (_, Some(channel)) => send(&mut net, &mut model, now, channel, side),
        }
    }
    heal_and_settle(&mut net, &mut model, now, &channels, rules);
}

/// After everything is healed each end either still works or finds out that it does not by sending once.
fn heal_and_settle(net: &mut Net<u64>, model: &mut Model, now: SimTime, channels: &[ChannelId], rules: Vec<RuleId>) {
    rules.into_iter().for_each(|rule| net.remove_rule(now, rule));
    MACHINES.into_iter().for_each(|machine| net.power_on(machine));
    let mut later = now + Duration::from_secs(60);
    drain(net, model, later);
    assert_eq!(
        net.next_due(),
        None,
        "everything arrives within a minute of the healing"
    );
    for (channel, side) in channels
        .iter()
        .flat_map(|channel| [(*channel, Side::A), (*channel, Side::B)])
    {
        send(net, model, later, channel, side);
    }
    later += Duration::from_secs(60);
    drain(net, model, later);
    for channel in channels {
        let (a, b) = (net.is_open(*channel, Side::A), net.is_open(*channel, Side::B));
        assert_eq!(
            a, b,
            "{channel}: no half-open connection is left once both ends have sent"
        );
        if a {
            for side in [Side::A, Side::B] {
                let sent = model.end(*channel, side).sent;
                assert_eq!(sent, model.end(*channel, side.other()).expects, "everything arrived");
            }
        }
    }
}

#[test]
fn whatever_happens_each_end_sees_a_prefix_of_what_was_sent_and_one_ending() {
    let jitter = Latency {
        min: ms(1),
        mean: ms(5),
        cap: ms(30),
    };
    for seed in 0..150 {
        walk(seed, LinkConfig::default());
        walk(
            seed,
            LinkConfig {
                latency: jitter,
                ..LinkConfig::default()
            },
        );
        walk(
            seed,
            LinkConfig {
                latency: jitter,
                bandwidth: Some(50_000),
                idle_timeout: Some(ms(40)),
            },
        );
    }
}
