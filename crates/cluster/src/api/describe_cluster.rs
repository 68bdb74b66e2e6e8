//! DescribeCluster (60), versions 0 to 2.
//!
//! v0 cluster id, controller, brokers (KIP-700); v1 endpoint types (KIP-919); v2 fenced brokers (KIP-1073).
//!
//! Left out: the endpoints of controllers, which only controllers give.

use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::{BrokerId as WireId, DescribeClusterRequest, DescribeClusterResponse, ResponseKind};
use kafka_sim_core::ErrorCode;

use super::forwarded::text;
use super::metadata::{CLUSTER_OPERATIONS, Nodes, some_alive_broker};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::peer::BrokerState;

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

pub(crate) fn handle(broker: &mut Broker, _ctx: &mut Ctx<'_>, call: Call, request: DescribeClusterRequest) -> Answer {
    if let Some(refused) = refused(request.endpoint_type) {
        return call.ready(ResponseKind::DescribeCluster(refused));
    }
    let mut response = DescribeClusterResponse::default()
        .with_error_message(None)
        .with_cluster_id(text(&broker.spec.cluster_id))
        .with_brokers(brokers(Nodes::of(broker), request.include_fenced_brokers))
        .with_controller_id(some_alive_broker(broker));
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    call.ready(ResponseKind::DescribeCluster(response))
}

fn refused(endpoint_type: i8) -> Option<DescribeClusterResponse> {
    let (code, message) = match endpoint_type {
        BROKERS => return None,
        CONTROLLERS => (
            ErrorCode::MISMATCHED_ENDPOINT_TYPE,
            "a broker does not know the endpoints of controllers",
        ),
        _ => (ErrorCode::UNSUPPORTED_ENDPOINT_TYPE, "no such type of endpoint"),
    };
    let response = DescribeClusterResponse::default().with_error_code(code.0);
    Some(response.with_error_message(Some(text(message))))
}

fn brokers(nodes: Nodes<'_>, with_fenced: bool) -> Vec<DescribeClusterBroker> {
    let described = |state: &BrokerState| {
        let (host, port) = nodes.endpoint(state.id)?;
        let broker = DescribeClusterBroker::default()
            .with_broker_id(WireId(state.id.0))
            .with_host(host)
            .with_port(port);
        Some(
            broker
                .with_rack(state.rack.as_deref().map(text))
                .with_is_fenced(state.fenced),
        )
    };
    nodes.registered(with_fenced).filter_map(described).collect()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::super::metadata::testing::{image, listeners};
    use super::*;

    #[test]
    fn fenced_brokers_are_listed_only_on_request() {
        let (image, listeners) = (image(), listeners());
        let nodes = Nodes {
            image: &image,
            listeners: &listeners,
        };
        for version in served_versions(ApiKey::DescribeCluster) {
            let response = DescribeClusterResponse::default().with_brokers(brokers(nodes, false));
            let read = over_the_wire(ApiKey::DescribeCluster, version, &response);
            let ids: Vec<i32> = read.brokers.iter().map(|broker| broker.broker_id.0).collect();
            assert_eq!(ids, [0, 1]);
        }
        let all = brokers(nodes, true);
        assert_eq!(
            all.iter().map(|broker| broker.is_fenced).collect::<Vec<_>>(),
            [false, false, true]
        );
        assert_eq!(all[1].host.as_str(), "broker-1");
    }

    #[test]
    fn a_broker_gives_endpoints_of_brokers_only() {
        let code = |endpoint_type| refused(endpoint_type).map(|response| ErrorCode(response.error_code));
        assert_eq!(code(1), None);
        assert_eq!(code(2), Some(ErrorCode::MISMATCHED_ENDPOINT_TYPE));
        assert_eq!(code(3), Some(ErrorCode::UNSUPPORTED_ENDPOINT_TYPE));
        assert_eq!(refused(2).map(|response| response.endpoint_type), Some(1));
    }
}
