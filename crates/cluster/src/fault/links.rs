//! What a fault does to links, in the words of the network.

use crate::fault::{Fault, Peer, Role};
use crate::net::LinkEffect;

/// One directed rule for the network, still in terms of roles.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkFault {
    /// Senders.
    pub from: Vec<Peer>,
    /// Receivers.
    pub to: Vec<Peer>,
    /// What happens to bytes between them.
    pub effect: LinkEffect,
}

impl Fault {
    /// The rules this fault lays over links until it is healed; empty for faults that leave links alone.
    pub fn links(&self) -> Vec<LinkFault> {
        let brokers = |role: &Role| [Peer::Brokers(role.clone())];
        match self {
            Fault::Isolate(role) => {
                let everybody = [Peer::Brokers(Role::AllBrokers), Peer::Clients, Peer::Controller];
                cut(&brokers(role), &everybody)
            }
            Fault::Partition { a, b } => cut(a, b),
            Fault::IsolateFromController(role) => cut(&brokers(role), &[Peer::Controller]),
            Fault::BlackHole { from, to } => one_way(from, to, LinkEffect::BlackHole),
            Fault::Hold { from, to } => one_way(from, to, LinkEffect::Hold),
            Fault::Delay { from, to, extra } => one_way(from, to, LinkEffect::Delay(*extra)),
            Fault::Bandwidth {
                from,
                to,
                bytes_per_second,
            } => one_way(from, to, LinkEffect::Bandwidth(*bytes_per_second)),
            Fault::SlowMetadata { target, extra } => one_way(
                &Peer::Controller,
                &Peer::Brokers(target.clone()),
                LinkEffect::Delay(*extra),
            ),
            _ => Vec::new(),
        }
    }
}

fn one_way(from: &Peer, to: &Peer, effect: LinkEffect) -> Vec<LinkFault> {
    vec![LinkFault {
        from: vec![from.clone()],
        to: vec![to.clone()],
        effect,
    }]
}

fn cut(a: &[Peer], b: &[Peer]) -> Vec<LinkFault> {
    let black_hole = |from: &[Peer], to: &[Peer]| LinkFault {
        from: from.to_vec(),
        to: to.to_vec(),
        effect: LinkEffect::BlackHole,
    };
    vec![black_hole(a, b), black_hole(b, a)]
}
