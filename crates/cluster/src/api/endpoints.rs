//! The brokers that a response names for the partitions that are led elsewhere (KIP-951).

use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::BrokerId;
use kafka_sim_core::wire::FieldWriter;

use crate::broker::Broker;

/// Advertised host and port of a broker, and its rack.
pub(super) type Address = (StrBytes, i32, Option<StrBytes>);

/// A broker that is named, and where it is.
pub(super) type Endpoint = (BrokerId, Address);

/// Each of these brokers once, by its id.
pub(super) fn endpoints(broker: &Broker, ids: impl Iterator<Item = BrokerId>) -> Vec<Endpoint> {
    let mut ids: Vec<BrokerId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(|id| (id, address(broker, id))).collect()
}

fn address(broker: &Broker, id: BrokerId) -> Address {
    let listener = usize::try_from(id.0).ok().and_then(|at| broker.spec.listeners.get(at));
    let (host, port) = listener.map_or(("", 0), |(host, port)| (&**host, *port));
    let rack = broker
        .image
        .brokers
        .get(&id)
        .and_then(|b| b.rack.as_ref())
        .map(|r| StrBytes::from_string(r.to_string()));
    (StrBytes::from_string(host.to_string()), i32::from(port), rack)
}

/// The end of a response whose only tagged field are these brokers.
#[inline]
pub(super) fn put_endpoints(fields: &mut FieldWriter<'_>, endpoints: &[Endpoint]) {
    if endpoints.is_empty() {
        fields.no_tags();
    } else {
        put_some_endpoints(fields, endpoints);
    }
}

fn put_some_endpoints(fields: &mut FieldWriter<'_>, endpoints: &[Endpoint]) {
    fields.tags(1);
    fields.tagged(0, |list| {
        list.count(endpoints.len());
        for (id, (host, port, rack)) in endpoints {
            list.i32(id.0);
            list.nullable_string(Some(host));
            list.i32(*port);
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

    /// Where a broker is.
    pub(in crate::api) fn somewhere(id: i32) -> Endpoint {
        let rack = StrBytes::from_static_str("rack");
        (BrokerId(id), (StrBytes::from_static_str("host"), 9092, Some(rack)))
    }
}
