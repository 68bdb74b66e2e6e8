//! The classic protocol: one generation, assigned by its leader.

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{GroupId, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest};
use kafka_sim_core::wire::{ApiKey, RequestKind, ResponseKind};

use super::wire::{GROUP, Wire};

/// Lets `size` members share `size` partitions. Returns the members that got something.
pub(crate) fn classic(size: u16) -> usize {
    let mut wire = Wire::new(size, size);
    let joins = (0..u64::from(size)).map(|index| (index, RequestKind::JoinGroup(join())));
    let joined = wire.ask(ApiKey::JoinGroup, 3, joins);
    let joined: Vec<(u64, JoinGroupResponse)> = joined
        .into_iter()
        .map(|(index, response)| match response {
            ResponseKind::JoinGroup(response) => (index, response),
            other => unreachable!("asked to join, not for {other:?}"),
        })
        .collect();
    let syncs: Vec<(u64, RequestKind)> = joined.iter().map(|(index, joined)| (*index, sync(joined))).collect();
    let synced = wire.ask(ApiKey::SyncGroup, 2, syncs);
    let assigned = synced.iter().filter(|(_, response)| match response {
        ResponseKind::SyncGroup(response) => !response.assignment.is_empty(),
        _ => false,
    });
    let count = assigned.count();
    assert_eq!(count, usize::from(size));
    count
}

fn join() -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name("range".into())
        .with_metadata(Bytes::from_static(b"\0\0\0\0\0\x01\0\x06orders\xff\xff\xff\xff"));
    JoinGroupRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_session_timeout_ms(45_000)
        .with_rebalance_timeout_ms(300_000)
        .with_protocol_type("consumer".into())
        .with_protocols(vec![protocol])
}

/// The leader gives every member one partition.
fn sync(joined: &JoinGroupResponse) -> RequestKind {
    let assignments = (0_u32..).zip(&joined.members).map(|(partition, member)| {
        let mut bytes = b"\0\0\0\0\0\x01\0\x06orders\0\0\0\x01".to_vec();
        bytes.extend_from_slice(&partition.to_be_bytes());
        bytes.extend_from_slice(&[0xff; 4]);
        SyncGroupRequestAssignment::default()
            .with_member_id(member.member_id.clone())
            .with_assignment(bytes.into())
    });
    let request = SyncGroupRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_generation_id(joined.generation_id)
        .with_member_id(joined.member_id.clone())
        .with_assignments(assignments.collect());
    RequestKind::SyncGroup(request)
}
