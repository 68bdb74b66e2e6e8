//! Every version of every request of a group.

use super::*;

#[test]
fn every_version_of_every_request_can_be_spoken() {
    for (api, oldest, newest) in [
        (ApiKey::FindCoordinator, 0, 6),
        (ApiKey::JoinGroup, 0, 9),
        (ApiKey::SyncGroup, 0, 5),
        (ApiKey::Heartbeat, 0, 4),
        (ApiKey::OffsetFetch, 1, 9),
        (ApiKey::OffsetCommit, 2, 9),
        (ApiKey::LeaveGroup, 0, 5),
    ] {
        for version in oldest..=newest {
            let mut rig = subscribed(&[]);
            rig.cluster.versions.insert(api as i16, (0, version));
            rig.poll(1_000);
            rig.find();
            if rig.has(ApiKey::JoinGroup) {
                rig.lead(&["m1"]);
            }
            rig.sync(&[0, 1]);
            rig.callback();
            rig.committed(&[(0, 3), (1, 4)]);
            assert_eq!(rig.client.position(&orders(1)), Some(4), "{api:?} v{version}");
            rig.run_for(Duration::from_secs(3));
            rig.act(|consumer, now, out| consumer.close(now, Duration::from_secs(5), out));
            assert_eq!(rig.commit(ErrorCode::NONE), [(0, 3), (1, 4)], "{api:?} v{version}");
            rig.callback();
            rig.left();
            assert!(rig.client.is_closed(), "{api:?} v{version}");
            assert!(
                rig.seen.iter().any(|(_, seen, v)| (*seen, *v) == (api, version)),
                "{api:?} v{version}"
            );
        }
    }
}

#[test]
fn a_static_member_needs_brokers_that_know_static_members() {
    for (version, possible) in [(4, false), (5, true)] {
        let mut rig = subscribed(&[("group.instance.id", "i")]);
        rig.cluster.versions.insert(ApiKey::JoinGroup as i16, (0, version));
        rig.poll(1_000);
        rig.find();
        assert_eq!(rig.has(ApiKey::JoinGroup), possible);
        assert_eq!(rig.failure(), (!possible).then_some(ConsumerError::UnsupportedVersion));
    }
}

#[test]
fn the_new_protocol_needs_brokers_that_know_it() {
    for (newest, possible) in [(0, false), (1, true)] {
        let mut rig = subscribed(&[("group.protocol", "consumer")]);
        let api = ApiKey::ConsumerGroupHeartbeat;
        rig.cluster.versions.insert(api as i16, (0, newest));
        rig.poll(1_000);
        rig.find();
        assert_eq!(rig.has(api), possible);
        assert_eq!(rig.failure(), (!possible).then_some(ConsumerError::UnsupportedVersion));
    }
}
