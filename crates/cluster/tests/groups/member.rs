//! Members of the classic protocol.

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, SyncGroupRequest};
use kafka_sim_core::ConnId;
use kafka_sim_core::wire::{ApiKey, RequestKind, ResponseKind};

use crate::world::{GROUP, World};

/// One member on a connection of its own.
pub(crate) struct Member {
    pub(crate) conn: ConnId,
    pub(crate) id: String,
    pub(crate) generation: i32,
}

impl Member {
    /// Gets an id and sends the JoinGroup that counts.
    pub(crate) fn begin(world: &mut World, broker: i32) -> Member {
        let mut member = Member {
            conn: world.connect(broker),
            id: String::new(),
            generation: -1,
        };
        member.join(world);
        member.id = joined(world.wait(member.conn)).member_id.to_string();
        member.join(world);
        member
    }

    pub(crate) fn join(&self, world: &mut World) {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name("range".into())
            .with_metadata(Bytes::from_static(b"opaque"));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(30_000)
            .with_member_id(self.id.clone().into())
            .with_protocol_type("consumer".into())
            .with_protocols(vec![protocol]);
        world.send(self.conn, ApiKey::JoinGroup, 6, &RequestKind::JoinGroup(request));
    }

    pub(crate) fn sync(&self, world: &mut World, assignments: &[(&str, &'static [u8])]) {
        let assignments = assignments.iter().map(|(id, bytes)| {
            SyncGroupRequestAssignment::default()
                .with_member_id((*id).to_owned().into())
                .with_assignment(Bytes::from_static(bytes))
        });
        let request = SyncGroupRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone().into())
            .with_assignments(assignments.collect());
        world.send(self.conn, ApiKey::SyncGroup, 4, &RequestKind::SyncGroup(request));
    }

    pub(crate) fn heartbeat(&self, world: &mut World) -> i16 {
        let request = HeartbeatRequest::default()
            .with_group_id(GroupId(GROUP.into()))
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone().into());
        world.send(self.conn, ApiKey::Heartbeat, 3, &RequestKind::Heartbeat(request));
        match world.wait(self.conn) {
            Some(ResponseKind::Heartbeat(response)) => response.error_code,
            other => panic!("no answer to a heartbeat: {other:?}"),
        }
    }
}

pub(crate) fn joined(response: Option<ResponseKind>) -> JoinGroupResponse {
    match response {
        Some(ResponseKind::JoinGroup(response)) => response,
        other => panic!("no answer to a JoinGroup: {other:?}"),
    }
}

/// Lets members that have sent their JoinGroup agree; the leader gives everybody its own id's first byte.
pub(crate) fn settle(world: &mut World, members: &mut [Member]) {
    let answers: Vec<JoinGroupResponse> = members.iter().map(|member| joined(world.wait(member.conn))).collect();
    for (member, answer) in members.iter_mut().zip(&answers) {
        assert_eq!(answer.error_code, 0);
        member.generation = answer.generation_id;
    }
    let ids: Vec<String> = members.iter().map(|member| member.id.clone()).collect();
    let given: Vec<(&str, &'static [u8])> = ids.iter().map(|id| (id.as_str(), &b"part"[..])).collect();
    for (member, answer) in members.iter().zip(&answers) {
        let leads = *answer.leader == *member.id;
        assert_eq!(answer.members.len(), if leads { members.len() } else { 0 });
        member.sync(world, if leads { &given } else { &[] });
    }
    for member in members.iter() {
        let Some(ResponseKind::SyncGroup(response)) = world.wait(member.conn) else {
            panic!("no answer to a SyncGroup")
        };
        assert_eq!((response.error_code, &response.assignment[..]), (0, &b"part"[..]));
    }
}
