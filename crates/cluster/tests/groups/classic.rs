//! Groups of the classic protocol over the wire.

use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, GroupId, LeaveGroupRequest, ListGroupsRequest,
};
use kafka_sim_core::wire::{ApiKey, RequestKind, ResponseKind};

use crate::member::{Member, settle};
use crate::world::{GROUP, World};

#[test]
fn members_come_and_go_and_the_others_rebalance() {
    let mut world = World::new(3, &[]);
    let broker = world
        .coordinator()
        .expect("three brokers are enough for the offsets topic");
    let mut members = vec![Member::begin(&mut world, broker), Member::begin(&mut world, broker)];
    settle(&mut world, &mut members);
    assert!(members.iter().all(|member| member.generation == 1));
    assert_eq!(members[0].heartbeat(&mut world), 0);

    let third = Member::begin(&mut world, broker);
    assert_eq!(members[0].heartbeat(&mut world), 27);
    members.iter().for_each(|member| member.join(&mut world));
    members.push(third);
    settle(&mut world, &mut members);
    assert!(members.iter().all(|member| member.generation == 2));

    let leaver = members.pop().expect("there are three");
    let identity = MemberIdentity::default().with_member_id(leaver.id.clone().into());
    let request = LeaveGroupRequest::default()
        .with_group_id(GroupId(GROUP.into()))
        .with_members(vec![identity]);
    world.send(leaver.conn, ApiKey::LeaveGroup, 4, &RequestKind::LeaveGroup(request));
    world.wait(leaver.conn).expect("an answer");
    members.iter().for_each(|member| member.join(&mut world));
    settle(&mut world, &mut members);
    assert!(members.iter().all(|member| member.generation == 3));

    assert_eq!(
        world.commit(broker, &members[0].id, 2, 1),
        22,
        "an older generation is fenced"
    );
    assert_eq!(world.commit(broker, &members[0].id, 3, 1), 0);
}

#[test]
fn tools_list_describe_and_delete_groups() {
    let mut world = World::new(3, &[]);
    let broker = world.coordinator().expect("a coordinator");
    let mut members = vec![Member::begin(&mut world, broker)];
    settle(&mut world, &mut members);
    let Some(ResponseKind::ListGroups(list)) = world.ask(
        broker,
        ApiKey::ListGroups,
        5,
        RequestKind::ListGroups(ListGroupsRequest::default()),
    ) else {
        panic!("no list")
    };
    assert_eq!(
        (&*list.groups[0].group_id.0, &*list.groups[0].group_state),
        (GROUP, "Stable")
    );
    let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(GROUP.into())]);
    let Some(ResponseKind::DescribeGroups(response)) =
        world.ask(broker, ApiKey::DescribeGroups, 5, RequestKind::DescribeGroups(request))
    else {
        panic!("no description")
    };
    assert_eq!(response.groups[0].members[0].member_assignment, &b"part"[..]);
    assert_eq!(&*response.groups[0].members[0].client_host, "/app");
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![GroupId(GROUP.into())]);
    let codes = |response| match response {
        Some(ResponseKind::DeleteGroups(response)) => response.results[0].error_code,
        other => panic!("no answer: {other:?}"),
    };
    let refused = world.ask(
        broker,
        ApiKey::DeleteGroups,
        2,
        RequestKind::DeleteGroups(delete.clone()),
    );
    assert_eq!(codes(refused), 68);
    world.pass(11_000);
    let deleted = world.ask(broker, ApiKey::DeleteGroups, 2, RequestKind::DeleteGroups(delete));
    assert_eq!(codes(deleted), 0);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = || {
        let mut world = World::new(3, &[]);
        let broker = world.coordinator().expect("a coordinator");
        let mut members = vec![Member::begin(&mut world, broker), Member::begin(&mut world, broker)];
        settle(&mut world, &mut members);
        world.commit(broker, &members[0].id, 1, 1);
        (world.cluster.trace().hash(), members[0].id.clone())
    };
    assert_eq!(run(), run());
}
