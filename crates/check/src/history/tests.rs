use super::*;
use crate::Observation;
use crate::script::Script;

fn everything() -> Vec<Observation> {
    let topic: std::sync::Arc<str> = "orders".into();
    vec![
        Observation::FaultActive { from: 1, until: 2 },
        Observation::TopicRecreated {
            at: 1,
            topic: "orders".into(),
        },
        Observation::Sent {
            at: 3,
            producer: 4,
            message: MessageId(5),
            topic: topic.clone(),
            partition: None,
            key: Some(6),
            sequence: 7,
            business: Some(8),
            resend_of: Some(MessageId(9)),
        },
        Observation::Acked {
            at: 10,
            message: MessageId(5),
            partition: 11,
            offset: Some(12),
        },
        Observation::Sent {
            at: 13,
            producer: 4,
            message: MessageId(14),
            topic: "bills".into(),
            partition: Some(2),
            key: None,
            sequence: 0,
            business: None,
            resend_of: None,
        },
        Observation::Refused {
            at: 15,
            message: MessageId(14),
            error: "INVALID_RECORD".into(),
        },
        Observation::Poll {
            at: 16,
            reader: 17,
            completion: Completion::Info,
        },
        Observation::Repositioned {
            at: 18,
            reader: 17,
            topic: topic.clone(),
            partition: 11,
        },
        Observation::Read {
            at: 19,
            reader: 17,
            topic: topic.clone(),
            partition: 11,
            offset: 12,
            message: None,
            leader_epoch: Some(20),
        },
        Observation::Read {
            at: 21,
            reader: 17,
            topic: topic.clone(),
            partition: 11,
            offset: 13,
            message: Some(MessageId(u64::MAX)),
            leader_epoch: None,
        },
        Observation::EndOfRead {
            at: 22,
            reader: 17,
            topic: topic.clone(),
            partition: 11,
            log_start: 0,
            offset: 14,
        },
    ]
    .into_iter()
    .chain(everything_of_a_group(&topic))
    .collect()
}

fn everything_of_a_group(topic: &std::sync::Arc<str>) -> [Observation; 9] {
    let (group, reader, partition) = ("billing".into(), 23, 11);
    [
        Observation::Joined { at: 24, reader, group },
        Observation::Owned {
            at: 25,
            reader,
            topic: topic.clone(),
            partition,
        },
        Observation::Processed {
            at: 26,
            reader,
            topic: topic.clone(),
            partition,
            offset: 12,
            message: None,
        },
        Observation::Effect {
            at: 27,
            reader,
            message: MessageId(5),
        },
        Observation::CommitSent {
            at: 28,
            reader,
            topic: topic.clone(),
            partition,
            offset: 13,
        },
        Observation::Committed {
            at: 29,
            reader,
            topic: topic.clone(),
            partition,
            offset: 13,
            completion: Completion::Info,
        },
        Observation::Died { at: 30, reader },
        Observation::Released {
            at: 31,
            reader,
            topic: topic.clone(),
            partition,
        },
        Observation::GroupSettled {
            at: 32,
            group: "billing".into(),
            caught_up: true,
        },
    ]
}

#[test]
fn what_was_recorded_can_be_replayed() {
    let observations = everything();
    let history: History = observations.iter().cloned().collect();
    assert_eq!(history.len(), observations.len());
    assert_eq!(history.observations().collect::<Vec<_>>(), observations);
    assert_eq!(history.oddities(), []);
}

#[test]
fn contradictions_are_left_out_and_listed() {
    let history = Script::new()
        .sent(0, 0, 1)
        .sent(0, 0, 1)
        .acked(1, 0)
        .refused(1)
        .acked(2, 1)
        .history;
    let expected = [
        Oddity::SentTwice(MessageId(1)),
        Oddity::SettledTwice(MessageId(1)),
        Oddity::SettledUnsent(MessageId(2)),
    ];
    assert_eq!(history.oddities(), expected);
    assert_eq!(history.len(), 2);
    assert!(matches!(
        history.messages().next().and_then(|message| message.outcome),
        Some(Outcome::Acked { .. })
    ));
}

#[test]
fn acknowledgements_during_a_fault_are_counted_once() {
    let mut history = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .sent(0, 0, 2)
        .acked(2, 1)
        .history; // at 2 and 4
    assert_eq!(history.acked_during_faults(), 0);
    history.record(Observation::FaultActive { from: 0, until: 3 });
    history.record(Observation::FaultActive { from: 1, until: 2 });
    assert_eq!(history.acked_during_faults(), 1);
    history.record(Observation::FaultActive {
        from: 4,
        until: u64::MAX,
    });
    assert_eq!(history.acked_during_faults(), 2);
}

#[test]
fn entries_stay_small() {
    assert!(size_of::<Entry>() <= 104, "{}", size_of::<Entry>());
    assert!(size_of::<ReadEntry>() <= 40, "{}", size_of::<ReadEntry>());
    assert!(size_of::<Step>() <= 24, "{}", size_of::<Step>());
}

#[test]
fn messages_are_told_apart_whatever_their_identities_and_their_order() {
    let ids = [
        3,
        1,
        2,
        1 << 32 | 1,
        1 << 32 | 7,
        7,
        0,
        u64::MAX,
        9,
        10,
        2 << 32 | 9,
        1 << 40,
    ];
    let sent = |(sequence, id): (u64, u64)| Observation::Sent {
        at: 1,
        producer: 0,
        message: MessageId(id),
        topic: "orders".into(),
        partition: Some(0),
        key: None,
        sequence,
        business: None,
        resend_of: None,
    };
    let history: History = (0..).zip(ids).map(sent).collect();
    assert_eq!(history.oddities(), []);
    for (sequence, id) in (0..).zip(ids) {
        let found = history
            .message(MessageId(id))
            .map(|message| (message.id, message.sequence));
        assert_eq!(found, Some((MessageId(id), sequence)));
    }
    for id in [4, 5, 11, 12, 13, 2 << 32 | 10] {
        assert_eq!(history.message(MessageId(id)), None);
    }
}
