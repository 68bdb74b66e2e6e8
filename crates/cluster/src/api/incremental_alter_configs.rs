//! IncrementalAlterConfigs (44), versions 0 and 1. Forwarded to the controller, which decides.
//!
//! v0 set, delete, append and subtract (KIP-339); v1 flexible.
//!
//! Divergence: loggers and client metrics are refused with INVALID_REQUEST, because nothing of the kind is simulated.

use std::sync::Arc;

use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, RequestKind, ResponseKind,
};
use kafka_sim_core::BrokerId;

use super::alter_configs::{Change, forwarded, outcomes};
use super::forwarded::{error_fields, forward};
use super::{Answer, Call};
use crate::broker::{Broker, Ctx};
use crate::peer::{AdminRequest, AdminResponse, ConfigOp};

pub(crate) fn handle(
    broker: &mut Broker,
    ctx: &mut Ctx<'_>,
    call: Call,
    request: IncrementalAlterConfigsRequest,
) -> Answer {
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
    forward(
        broker,
        ctx,
        call,
        RequestKind::IncrementalAlterConfigs(request),
        admin,
        timeout,
    )
}

pub(crate) fn render(
    broker: &Broker,
    _version: i16,
    request: &IncrementalAlterConfigsRequest,
    response: Option<AdminResponse>,
) -> ResponseKind {
    ResponseKind::IncrementalAlterConfigs(results(broker.id(), request, response))
}

fn results(
    id: BrokerId,
    request: &IncrementalAlterConfigsRequest,
    response: Option<AdminResponse>,
) -> IncrementalAlterConfigsResponse {
    let results = outcomes(changes(id, request), response).map(|(resource_type, name, outcome)| {
        let (code, message) = error_fields(&outcome);
        let result = AlterConfigsResourceResponse::default()
            .with_resource_type(resource_type)
            .with_resource_name(name);
        result.with_error_code(code).with_error_message(message)
    });
    IncrementalAlterConfigsResponse::default().with_responses(results.collect())
}

fn changes(id: BrokerId, request: &IncrementalAlterConfigsRequest) -> Vec<Change> {
    let changes = request.resources.iter().map(|resource| {
        let ops = resource.configs.iter().map(|config| {
            let value = config.value.as_deref().map(Arc::from);
            (
                Arc::from(config.name.as_str()),
                operation(config.config_operation),
                value,
            )
        });
        let name = resource.resource_name.clone();
        Change::new(id, resource.resource_type, name, ops.collect(), false)
    });
    changes.collect()
}

fn operation(number: i8) -> ConfigOp {
    match number {
        0 => ConfigOp::Set,
        1 => ConfigOp::Delete,
        2 => ConfigOp::Append,
        3 => ConfigOp::Subtract,
        other => ConfigOp::Unknown(other),
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::messages::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::super::forwarded::text;
    use super::*;
    use crate::peer::ConfigResource;

    #[test]
    fn the_answer_names_every_resource_with_its_own_outcome() {
        let config = AlterableConfig::default()
            .with_name(text("retention.ms"))
            .with_config_operation(1);
        let resource = |name| {
            let resource = AlterConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(text(name));
            resource.with_configs(vec![config.clone().with_value(None)])
        };
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource("a"), resource("a b")]);
        let changes = forwarded(changes(BrokerId(0), &request));
        assert_eq!(changes.len(), 1);
        assert!(!changes[0].replace_all);
        assert_eq!(changes[0].ops, [(Arc::from("retention.ms"), ConfigOp::Delete, None)]);
        for version in served_versions(ApiKey::IncrementalAlterConfigs) {
            let answer = AdminResponse::AlterConfigs(vec![(ConfigResource::Topic(Arc::from("a")), Ok(()))]);
            let response = results(BrokerId(0), &request, Some(answer));
            let read = over_the_wire(ApiKey::IncrementalAlterConfigs, version, &response);
            let codes: Vec<i16> = read.responses.iter().map(|result| result.error_code).collect();
            assert_eq!(codes, [0, 17]);
        }
    }
}
