//! A [`View`] as text for people.

use std::fmt::Write as _;

use kafka_sim_cluster::view::{BrokerView, GroupKind, GroupView, PartitionView, View};
use kafka_sim_core::{BrokerId, SimTime};

/// The whole cluster, one line per broker, partition, replica, group and member.
pub fn dump(view: &View) -> String {
    let mut text = format!("at {}\n", SimTime::from_nanos(view.at_nanos));
    for broker in &view.brokers {
        broker_line(&mut text, broker);
    }
    for partition in &view.partitions {
        partition_lines(&mut text, partition);
    }
    for group in &view.groups {
        group_lines(&mut text, group);
    }
    text
}

fn broker_line(text: &mut String, broker: &BrokerView) {
    let state = match (broker.running, broker.paused) {
        (false, _) => "down",
        (true, true) => "paused",
        (true, false) => "running",
    };
    let _ = write!(text, "broker {}: {state}", broker.id);
    if broker.fenced {
        text.push_str(", fenced");
    }
    if broker.log_dir_offline {
        text.push_str(", log directory offline");
    }
    if let Some(rack) = &broker.rack {
        let _ = write!(text, ", rack {rack}");
    }
    let _ = writeln!(
        text,
        ", epoch {}, metadata {}",
        broker.broker_epoch, broker.metadata_offset
    );
}

fn partition_lines(text: &mut String, partition: &PartitionView) {
    let PartitionView {
        topic,
        partition: index,
        leader_epoch,
        partition_epoch,
        ..
    } = partition;
    let leader = partition
        .leader
        .map_or_else(|| "none".to_owned(), |leader| leader.to_string());
    let _ = write!(
        text,
        "{topic}-{index}: leader {leader}, leader epoch {leader_epoch}, partition epoch {partition_epoch}"
    );
    let _ = writeln!(text, ", isr {}, elr {}", ids(&partition.isr), ids(&partition.elr));
    for replica in &partition.replicas {
        let role = if replica.leads { "leads" } else { "follows" };
        let _ = writeln!(
            text,
            "  broker {} {role}: log {}..{}, high watermark {}, durable to {}",
            replica.broker, replica.log_start, replica.log_end, replica.high_watermark, replica.durable_end
        );
    }
}

fn group_lines(text: &mut String, group: &GroupView) {
    let kind = match group.kind {
        GroupKind::Classic => "classic",
        GroupKind::Consumer => "consumer",
    };
    let GroupView {
        group: id,
        coordinator,
        state,
        epoch,
        ..
    } = group;
    let _ = writeln!(
        text,
        "group {id}: {kind}, {state}, epoch {epoch}, coordinated by broker {coordinator}"
    );
    for member in &group.members {
        let assignment: Vec<String> = member.assignment.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            "  {} on {}: epoch {}, [{}]",
            member.id,
            member.host,
            member.epoch,
            assignment.join(",")
        );
    }
}

fn ids(brokers: &[BrokerId]) -> String {
    let ids: Vec<String> = brokers.iter().map(BrokerId::to_string).collect();
    format!("[{}]", ids.join(","))
}

#[cfg(test)]
mod tests {
    use kafka_sim_cluster::view::{GroupMemberView, ReplicaView};
    use kafka_sim_core::TopicPartition;

    use super::*;

    #[test]
    fn a_dump_names_everything() {
        let replica = ReplicaView {
            broker: BrokerId(1),
            leads: true,
            log_start: 0,
            log_end: 7,
            high_watermark: 5,
            durable_end: 3,
        };
        let view = View {
            at_nanos: 1_500_000_000,
            brokers: vec![BrokerView {
                id: BrokerId(1),
                running: true,
                paused: false,
                fenced: true,
                broker_epoch: 4,
                metadata_offset: 9,
                rack: Some("a".into()),
                log_dir_offline: false,
            }],
            partitions: vec![PartitionView {
                topic: "orders".into(),
                partition: 0,
                leader: None,
                leader_epoch: 2,
                partition_epoch: 3,
                isr: vec![BrokerId(1)],
                elr: vec![],
                replicas: vec![replica],
            }],
            groups: vec![GroupView {
                group: "billing".into(),
                coordinator: BrokerId(1),
                kind: GroupKind::Consumer,
                state: "Stable",
                epoch: 3,
                members: vec![GroupMemberView {
                    id: "m".into(),
                    instance: None,
                    host: "/app".into(),
                    epoch: 3,
                    assignment: vec![TopicPartition {
                        topic: "orders".into(),
                        partition: 0,
                    }],
                }],
            }],
        };
        assert_eq!(
            dump(&view),
            "at 1.500000000s\n\
             broker 1: running, fenced, rack a, epoch 4, metadata 9\n\
             orders-0: leader none, leader epoch 2, partition epoch 3, isr [1], elr []\n  \
             broker 1 leads: log 0..7, high watermark 5, durable to 3\n\
             group billing: consumer, Stable, epoch 3, coordinated by broker 1\n  \
             m on /app: epoch 3, [orders-0]\n"
        );
    }
}
