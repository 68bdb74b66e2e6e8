//! ListGroups (16), versions 0 to 5.
//!
//! v1 throttle time; v3 flexible; v4 states (KIP-518); v5 types (KIP-848).

use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{GroupId, ListGroupsRequest, ListGroupsResponse, ResponseKind};
use kafka_protocol::protocol::StrBytes;

use super::grouped::wire;
use super::{Answer, Call};
use crate::broker::Broker;
use crate::group::words::Listed;

pub(crate) fn handle(broker: &mut Broker, call: Call, request: ListGroupsRequest) -> Answer {
    let response = match broker.loaded_shards() {
        Err(error) => ListGroupsResponse::default().with_error_code(error.0),
        Ok(shards) => {
            let groups = shards.into_iter().flat_map(|shard| shard.list());
            render(call.head.version, &request, groups)
        }
    };
    call.ready(ResponseKind::ListGroups(response))
}

fn render(version: i16, request: &ListGroupsRequest, groups: impl Iterator<Item = Listed>) -> ListGroupsResponse {
    let passes = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let wanted =
        groups.filter(|group| passes(&request.states_filter, group.state) && passes(&request.types_filter, group.kind));
    let groups = wanted.map(|group| {
        let mut listed = ListedGroup::default()
            .with_group_id(GroupId(wire(&group.group)))
            .with_protocol_type(wire(&group.protocol_type));
        if version >= 4 {
            listed.group_state = StrBytes::from_static_str(group.state);
        }
        if version >= 5 {
            listed.group_type = StrBytes::from_static_str(group.kind);
        }
        listed
    });
    ListGroupsResponse::default().with_groups(groups.collect())
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::ApiKey;

    use super::super::forwarded::testing::{over_the_wire, served_versions};
    use super::*;

    fn listed(version: i16, states: Vec<StrBytes>, types: Vec<StrBytes>) -> usize {
        let request = ListGroupsRequest::default()
            .with_states_filter(states)
            .with_types_filter(types);
        let group = Listed {
            group: "g".into(),
            protocol_type: "consumer".into(),
            state: "Stable",
            kind: "classic",
        };
        let response = render(version, &request, std::iter::once(group));
        over_the_wire(ApiKey::ListGroups, version, &response).groups.len()
    }

    #[test]
    fn every_version_lists_a_group() {
        for version in served_versions(ApiKey::ListGroups) {
            assert_eq!(listed(version, Vec::new(), Vec::new()), 1);
        }
    }

    #[test]
    fn filters_ignore_case_and_unknown_names_match_nothing() {
        assert_eq!(listed(5, vec!["stable".into()], vec!["Classic".into()]), 1);
        assert_eq!(listed(5, vec!["Empty".into()], Vec::new()), 0);
        assert_eq!(listed(5, Vec::new(), vec!["share".into()]), 0);
        assert_eq!(listed(5, vec!["no such state".into()], Vec::new()), 0);
    }
}
