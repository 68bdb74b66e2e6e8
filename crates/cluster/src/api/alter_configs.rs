//! AlterConfigs (33), versions 0 to 2. Forwarded to the controller, which decides.
//!
//! v1 quotas; v2 flexible. What is listed replaces all overrides of the resource; clients prefer IncrementalAlterConfigs
//! since 2.3.
//!
//! Served are topics, brokers and the default of all brokers.
//!
//! Divergence: loggers, client metrics and groups are refused with INVALID_REQUEST, because nothing of the kind is
//! simulated.

mod resource;

use std::sync::Arc;

use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse, RequestKind, ResponseKind};
use kafka_sim_core::BrokerId;

pub(super) use resource::{Change, forwarded, outcomes, parse_resource};

use super::forwarded::{error_fields, forward};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::peer::{AdminRequest, AdminResponse, ConfigOp};

pub(crate) fn handle(broker: &mut Broker, ctx: &mut Ctx<'_>, call: Call, request: AlterConfigsRequest) -> Answer {
    let changes = forwarded(changes(broker.id(), &request));
    if changes.is_empty() {
        let response = render(broker, call.head.version, &request, None);
        return call.ready(response);
    }
    let admin = AdminRequest::AlterConfigs {
        changes,
        validate_only: request.validate_only,
    };
    let timeout = broker.config.request_timeout;
    forward(broker, ctx, call, RequestKind::AlterConfigs(request), admin, timeout)
}

pub(crate) fn render(
    broker: &Broker,
    _version: i16,
    request: &AlterConfigsRequest,
    response: Option<AdminResponse>,
) -> ResponseKind {
    ResponseKind::AlterConfigs(results(broker.id(), request, response))
}

fn results(id: BrokerId, request: &AlterConfigsRequest, response: Option<AdminResponse>) -> AlterConfigsResponse {
    let results = outcomes(changes(id, request), response).map(|(resource_type, name, outcome)| {
        let (code, message) = error_fields(&outcome);
        let result = AlterConfigsResourceResponse::default()
            .with_resource_type(resource_type)
            .with_resource_name(name);
        result.with_error_code(code).with_error_message(message)
    });
    AlterConfigsResponse::default().with_responses(results.collect())
}

fn changes(id: BrokerId, request: &AlterConfigsRequest) -> Vec<Change> {
    let changes = request.resources.iter().map(|resource| {
        let ops = resource.configs.iter().map(|config| {
            let value = config.value.as_deref().map(Arc::from);
            (Arc::from(config.name.as_str()), ConfigOp::Set, value)
        });
        let name = resource.resource_name.clone();
        Change::new(id, resource.resource_type, name, ops.collect(), true)
    });
    changes.collect()
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::super::forwarded::text;
    use super::*;
    use crate::peer::ConfigResource;

    #[test]
    fn resources_refused_here_and_resources_judged_by_the_controller_keep_their_order() {
        let config = AlterableConfig::default()
            .with_name(text("retention.ms"))
            .with_value(Some(text("7")));
        let resource = |resource_type, name| {
            let resource = AlterConfigsResource::default().with_resource_type(resource_type);
            resource
                .with_resource_name(text(name))
                .with_configs(vec![config.clone()])
        };
        let resources = vec![resource(99, "x"), resource(2, "a"), resource(4, "1"), resource(2, "b")];
        let request = AlterConfigsRequest::default().with_resources(resources);
        assert!(
            forwarded(changes(BrokerId(0), &request))
                .iter()
                .all(|change| change.replace_all)
        );
        for version in served_versions(ApiKey::AlterConfigs) {
            let answer = AdminResponse::AlterConfigs(vec![(ConfigResource::Topic(Arc::from("a")), Ok(()))]);
            let response = results(BrokerId(0), &request, Some(answer));
            let read = over_the_wire(ApiKey::AlterConfigs, version, &response);
            let codes: Vec<i16> = read.responses.iter().map(|result| result.error_code).collect();
            assert_eq!(codes, [42, 0, 42, 7]);
        }
    }
}
