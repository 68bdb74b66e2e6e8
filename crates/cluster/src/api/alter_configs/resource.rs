//! The resources of a request: what is refused before the controller sees it, and everything's outcome in the end
//! (ConfigAdminManager).

use std::sync::Arc;

use kafka_protocol::protocol::StrBytes;
use kafka_sim_core::{BrokerId, ErrorCode};

use crate::api::forwarded::{invalid, refusal, timed_out};
use crate::controller::check_topic_name;
use crate::peer::{AdminResponse, ConfigChange, ConfigOp, ConfigResource, Refusal};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const GROUP: i8 = 32;

/// One resource of a request with what the controller is to do, or why it is not asked.
#[derive(Clone, Debug)]
pub(in crate::api) struct Change {
    resource_type: i8,
    resource_name: StrBytes,
    change: Result<ConfigChange, Refusal>,
}

impl Change {
    /// What broker `id` makes of one resource. A resource or key that is listed twice is left to the controller.
    pub(in crate::api) fn new(
        id: BrokerId,
        resource_type: i8,
        resource_name: StrBytes,
        ops: Vec<(Arc<str>, ConfigOp, Option<Arc<str>>)>,
        replace_all: bool,
    ) -> Self {
        let change = parse_resource(id, resource_type, &resource_name);
        let change = change.map(|resource| ConfigChange {
            resource,
            ops,
            replace_all,
        });
        Change {
            resource_type,
            resource_name,
            change,
        }
    }
}

/// The resource that type and name stand for, seen from broker `id`.
pub(in crate::api) fn parse_resource(id: BrokerId, resource_type: i8, name: &str) -> Result<ConfigResource, Refusal> {
    match resource_type {
        TOPIC if name.is_empty() => Err(invalid("topics have no common default")),
        TOPIC => match check_topic_name(name) {
            Ok(()) => Ok(ConfigResource::Topic(Arc::from(name))),
            Err(reason) => Err(refusal(ErrorCode::INVALID_TOPIC_EXCEPTION, reason)),
        },
        BROKER if name.is_empty() => Ok(ConfigResource::ClusterDefault),
        BROKER => match name.parse::<i32>() {
            Ok(number) if number == id.0 => Ok(ConfigResource::Broker(id)),
            Ok(_) => Err(invalid(format!("this is broker {id}, not broker {name}"))),
            Err(_) => Err(invalid(format!("{name:?} is no broker id"))),
        },
        GROUP if name.is_empty() => Err(invalid("groups have no common default")),
        GROUP => Ok(ConfigResource::Group(Arc::from(name))),
        other => Err(invalid(format!("resources of type {other} are not served"))),
    }
}

/// What the controller is to be asked.
pub(in crate::api) fn forwarded(changes: Vec<Change>) -> Vec<ConfigChange> {
    changes.into_iter().filter_map(|change| change.change.ok()).collect()
}

/// Type, name and outcome of every resource, in the order of the request.
pub(in crate::api) fn outcomes(
    changes: Vec<Change>,
    response: Option<AdminResponse>,
) -> impl Iterator<Item = (i8, StrBytes, Result<(), Refusal>)> {
    let answers = match response {
        Some(AdminResponse::AlterConfigs(answers)) => answers,
        _ => Vec::new(),
    };
    changes.into_iter().map(
        move |Change {
                  resource_type,
                  resource_name,
                  change,
              }| {
            let outcome = change.and_then(|change| {
                let answer = answers.iter().find(|(resource, _)| *resource == change.resource);
                answer.map_or_else(|| Err(timed_out()), |(_, outcome)| outcome.clone())
            });
            (resource_type, resource_name, outcome)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_parsed_as_seen_from_the_broker_that_was_asked() {
        let parse = |kind, name| parse_resource(BrokerId(1), kind, name).map_err(|refusal| refusal.code.0);
        assert_eq!(parse(2, "a"), Ok(ConfigResource::Topic(Arc::from("a"))));
        assert_eq!(parse(4, "1"), Ok(ConfigResource::Broker(BrokerId(1))));
        assert_eq!(parse(4, ""), Ok(ConfigResource::ClusterDefault));
        for (kind, name, code) in [
            (2, "", 42),
            (2, "a b", 17),
            (4, "2", 42),
            (4, "x", 42),
            (8, "1", 42),
            (0, "a", 42),
        ] {
            assert_eq!(parse(kind, name), Err(code), "{kind} {name}");
        }
    }
}
