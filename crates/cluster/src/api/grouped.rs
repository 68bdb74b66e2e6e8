//! What the APIs of the group coordinator have in common.

use std::sync::Arc;

use kafka_protocol::messages::RequestKind;
use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::ErrorCode;

use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::config::{BrokerConfig, list_items};
use crate::group::words::{Caller, Reply, Text, Waiter};

/// READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS: all there is on a group.
pub(super) const GROUP_OPERATIONS: i32 = 0b1101_0100_1000;

/// A name from the wire.
pub(super) fn word(text: &StrBytes) -> Text {
    Arc::from(text.as_str())
}

/// A name for the wire.
pub(super) fn wire(text: &Text) -> StrBytes {
    super::forwarded::text(text)
}

/// Who a request comes from.
pub(super) fn caller(member: &StrBytes, instance: Option<&StrBytes>) -> Caller {
    Caller {
        member: word(member),
        instance: instance.map(word),
    }
}

/// What a client calls itself.
pub(super) fn client_id(call: &Call) -> Text {
    call.head.client_id.as_ref().map(word).unwrap_or_else(|| "".into())
}

/// Where a client connected from, as Java writes an address.
pub(super) fn client_host(broker: &Broker, call: &Call) -> Text {
    let host = broker.client_host(call.conn).unwrap_or_default();
    Arc::from(format!("/{host}"))
}

/// Whether consumer groups are on (`group.coordinator.rebalance.protocols`).
pub(super) fn serves_consumer_groups(config: &BrokerConfig) -> bool {
    let protocols = config
        .value("group.coordinator.rebalance.protocols")
        .unwrap_or_default();
    list_items(protocols).any(|protocol| protocol == "consumer")
}

/// Lets a request about one group wait for the coordinator's reply; `failed` is the reply if the group's shard is not
/// here. `request` is what the answer will be rendered from.
pub(super) fn ask(
    broker: &mut Broker,
    ctx: &mut Ctx<'_>,
    call: Call,
    group: &str,
    request: RequestKind,
    failed: impl FnOnce(ErrorCode) -> Reply,
    run: impl FnOnce(&mut Broker, &mut Ctx<'_>, i32, Waiter),
) -> Answer {
    let ticket = broker.group_ticket(call.conn, call.head, request, 1);
    let waiter = Waiter { ticket, slot: 0 };
    match broker.group_shard(group) {
        Ok(shard) => run(broker, ctx, shard, waiter),
        Err(error) => broker.group_reply(ctx, waiter, failed(error)),
    }
    Answer::Later
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_on_a_group_has_its_bit() {
        let bits: Vec<i32> = (0..32).filter(|bit| GROUP_OPERATIONS & (1 << bit) != 0).collect();
        assert_eq!(bits, [3, 6, 8, 10, 11]);
    }
}
