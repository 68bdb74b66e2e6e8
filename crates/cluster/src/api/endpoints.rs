//! The brokers that a response names for the partitions that are led elsewhere (KIP-951).

use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::BrokerId;
use kafka_sim_core::wire::FieldWriter;

/// Advertised host and port of a broker, and its rack.
pub(super) type Address = (StrBytes, i32, Option<StrBytes>);

/// The end of a response whose only tagged field are these brokers, each of them once.
pub(super) fn put_endpoints(
    fields: &mut FieldWriter<'_>,
    ids: impl Iterator<Item = BrokerId>,
    address: impl Fn(BrokerId) -> Option<Address>,
) {
    let mut ids: Vec<BrokerId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let known: Vec<(BrokerId, Address)> = ids.into_iter().filter_map(|id| Some((id, address(id)?))).collect();
    if known.is_empty() {
        return fields.no_tags();
    }
    fields.tags(1);
    fields.tagged(0, |list| {
        list.count(known.len());
        for (id, (host, port, rack)) in known {
            list.i32(id.0);
            list.nullable_string(Some(&host));
            list.i32(port);
            list.nullable_string(rack.as_deref());
            list.no_tags();
        }
    });
}

#[cfg(test)]
pub(super) mod testing {
    use kafka_protocol::messages::ApiKey;
    use kafka_sim_core::wire::RequestHead;

    use super::*;

    /// Of a request with correlation id 5.
    pub(in crate::api) fn head(api_key: ApiKey, version: i16) -> RequestHead {
        RequestHead {
            api_key,
            version,
            correlation_id: 5,
            client_id: None,
        }
    }

    /// Where every broker is.
    pub(in crate::api) fn somewhere(_: BrokerId) -> Option<Address> {
        let rack = StrBytes::from_static_str("rack");
        Some((StrBytes::from_static_str("host"), 9092, Some(rack)))
    }
}
