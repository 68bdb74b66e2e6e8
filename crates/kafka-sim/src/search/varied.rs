//! Settings that a property can quantify over.

use super::Settings;
use super::settings::{Scope, Setting, setting};

/// Every setting that is varied, with its values, those of the safe profile first.
const VARIED: &[&[Setting]] = &[
    &[
        setting(Scope::Producer, "acks", "all"),
        setting(Scope::Producer, "acks", "1"),
        setting(Scope::Producer, "acks", "0"),
    ],
    &[
        setting(Scope::Producer, "enable.idempotence", "true"),
        setting(Scope::Producer, "enable.idempotence", "false"),
    ],
    &[
        setting(Scope::Producer, "max.in.flight.requests.per.connection", "1"),
        setting(Scope::Producer, "max.in.flight.requests.per.connection", "5"),
    ],
    &[
        setting(Scope::Producer, "linger.ms", "5"),
        setting(Scope::Producer, "linger.ms", "0"),
        setting(Scope::Producer, "linger.ms", "400"),
    ],
    &[
        setting(Scope::Producer, "delivery.timeout.ms", "120000"),
        setting(Scope::Producer, "delivery.timeout.ms", "31000"),
    ],
    &[
        setting(Scope::Topic, "min.insync.replicas", "2"),
        setting(Scope::Topic, "min.insync.replicas", "1"),
        setting(Scope::Topic, "min.insync.replicas", "3"),
    ],
    &[
        setting(Scope::Topic, "unclean.leader.election.enable", "false"),
        setting(Scope::Topic, "unclean.leader.election.enable", "true"),
    ],
    &[
        setting(Scope::Topic, "flush.messages", "9223372036854775807"),
        setting(Scope::Topic, "flush.messages", "1"),
    ],
    &[
        setting(Scope::Broker, "eligible.leader.replicas.enable", "true"),
        setting(Scope::Broker, "eligible.leader.replicas.enable", "false"),
    ],
];

/// How many values each varied setting has.
pub(crate) fn choices() -> impl Iterator<Item = usize> {
    VARIED.iter().map(|values| values.len())
}

/// The settings that take those values. Idempotence needs `acks=all`, and is off without.
pub(crate) fn chosen(picks: &[usize]) -> Settings {
    let values = VARIED.iter().zip(picks).filter_map(|(values, pick)| values.get(*pick));
    let chosen = values.fold(Settings::default(), Settings::with);
    if chosen.has(&VARIED[0][0]) {
        chosen
    } else {
        chosen.with(&setting(Scope::Producer, "enable.idempotence", "false"))
    }
}
