use crate::anomalies::analyze;
use crate::script::Script;
use crate::*;

/// The violations of one promise, with a check that the verdict says so in every way.
fn breaches(script: Script, promise: Promise) -> Vec<Violation> {
    let verdict = judge(&script.history, &[promise]);
    assert_eq!(verdict.violations_of(promise).count(), verdict.violations().len());
    assert_eq!(verdict.holds(), verdict.reasons() == [Unclean::NoDanger]);
    verdict.violations().to_vec()
}

fn keeps(script: Script, promise: Promise) {
    let verdict = judge(&script.history, &[promise]);
    assert!(verdict.holds(), "{:?}", verdict.reasons());
}

#[test]
fn acked_survives_when_the_final_read_has_every_ack() {
    keeps(
        Script::new().sent(0, 0, 1).acked(1, 0).final_read(0, &[1]),
        Promise::AckedSurvives,
    );
}

#[test]
fn acked_survives_is_broken_by_a_lost_tail() {
    let script = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .sent(0, 0, 2)
        .acked(2, 1)
        .final_read(0, &[1]);
    let expected = Violation::Lost {
        message: MessageId(2),
        producer: 0,
        topic: "orders".into(),
        partition: 0,
        offset: Some(1),
        acked_at: 4,
    };
    assert_eq!(breaches(script, Promise::AckedSurvives), [expected]);
}

/// One message in a topic that is deleted, and one in the topic that takes its name, at the same offset.
fn recreated(told: bool) -> Script {
    let mut script = Script::new().sent(0, 0, 1).acked(1, 0).read(7, 0, 0, 1);
    if told {
        let topic = "orders".into();
        script.history.record(Observation::TopicRecreated { at: 5, topic });
    }
    script.sent(0, 0, 2).acked(2, 0).read(7, 0, 0, 2).final_read(0, &[2])
}

#[test]
fn what_was_in_a_topic_that_was_deleted_is_removed_on_purpose() {
    for promise in [Promise::AckedSurvives, Promise::ConsistentOffsets, Promise::InOrder] {
        keeps(recreated(true), promise);
    }
    assert_eq!(
        judge(&recreated(true).history, &[Promise::AckedSurvives])
            .counts()
            .expired,
        1
    );
}

#[test]
fn nobody_who_is_not_told_of_a_deletion_can_tell_it_from_a_loss() {
    assert_eq!(breaches(recreated(false), Promise::AckedSurvives).len(), 1);
    assert_eq!(breaches(recreated(false), Promise::ConsistentOffsets).len(), 1);
}

#[test]
fn what_was_fetched_before_a_deletion_and_handed_out_after_it_is_of_the_old_topic() {
    let script = recreated(true).read(8, 0, 0, 1);
    keeps(script, Promise::ConsistentOffsets);
}

#[test]
fn what_the_new_topic_loses_is_lost() {
    let mut script = recreated(true);
    script = script.sent(0, 0, 3).acked(3, 1).final_read(0, &[2]);
    assert_eq!(breaches(script, Promise::AckedSurvives).len(), 1);
}

#[test]
fn an_ack_without_an_offset_counts_as_an_ack() {
    let script = Script::new().sent(0, 0, 1).acked(1, None).final_read(0, &[]);
    assert!(matches!(
        breaches(script, Promise::AckedSurvives)[..],
        [Violation::Lost { offset: None, .. }]
    ));
}

#[test]
fn what_an_earlier_reader_saw_does_not_survive_by_that() {
    let script = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .read(7, 0, 0, 1)
        .final_read(0, &[]);
    assert_eq!(breaches(script, Promise::AckedSurvives).len(), 1);
}

#[test]
fn what_the_final_reader_saw_before_it_started_over_does_not_count() {
    let script = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .read(0, 0, 0, 1)
        .repositioned(0, 0)
        .final_read(0, &[]);
    assert_eq!(breaches(script, Promise::AckedSurvives).len(), 1);
}

#[test]
fn an_ack_is_lost_if_only_another_partition_has_it() {
    let script = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .final_read(0, &[])
        .final_read(1, &[1]);
    assert_eq!(breaches(script, Promise::AckedSurvives).len(), 1);
}

#[test]
fn unknown_and_refused_sends_cannot_be_lost() {
    keeps(
        Script::new()
            .sent(0, 0, 1)
            .unknown(1)
            .sent(0, 0, 2)
            .refused(2)
            .final_read(0, &[]),
        Promise::AckedSurvives,
    );
}

#[test]
fn what_was_removed_on_purpose_is_expired_and_not_lost() {
    let script = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .sent(0, 0, 2)
        .acked(2, 1)
        .read(0, 0, 1, 2)
        .end(0, 0, 1, 2);
    let verdict = judge(&script.history, &[Promise::AckedSurvives]);
    assert!(verdict.holds());
    assert_eq!((verdict.counts().expired, verdict.counts().lost), (1, 0));
}

/// Two messages of one key, of which the first is gone at the end.
fn first_of_key_gone(keys: [u64; 2]) -> Script {
    Script::new()
        .keyed(0, 0, 1, keys[0])
        .acked(1, 0)
        .keyed(0, 0, 2, keys[1])
        .acked(2, 1)
        .read(0, 0, 1, 2)
        .end(0, 0, 0, 2)
}

#[test]
fn what_a_compacted_topic_replaced_is_not_lost() {
    let script = first_of_key_gone([7, 7]).compacted();
    let verdict = judge(&script.history, &[Promise::AckedSurvives]);
    assert!(verdict.holds());
    assert_eq!((verdict.counts().replaced, verdict.counts().lost), (1, 0));
    let anomalies = analyze(&script.history);
    assert!(anomalies.unseen.is_empty() && anomalies.lost_writes.is_empty());
}

#[test]
fn a_topic_that_is_not_compacted_loses_what_a_later_record_of_its_key_outlives() {
    assert_eq!(breaches(first_of_key_gone([7, 7]), Promise::AckedSurvives).len(), 1);
}

#[test]
fn a_compacted_topic_loses_the_last_record_of_a_key() {
    let other_key = first_of_key_gone([7, 8]).compacted();
    assert_eq!(breaches(other_key, Promise::AckedSurvives).len(), 1);
    let the_later_is_gone = Script::new()
        .compacted()
        .keyed(0, 0, 1, 7)
        .acked(1, 0)
        .keyed(0, 0, 2, 7)
        .acked(2, 1)
        .final_read(0, &[1]);
    assert!(matches!(
        breaches(the_later_is_gone, Promise::AckedSurvives)[..],
        [Violation::Lost {
            message: MessageId(2),
            ..
        }]
    ));
}

#[test]
fn without_a_final_read_nobody_can_say_what_survived() {
    for script in [
        Script::new().sent(0, 0, 1).acked(1, 0).read(0, 0, 0, 1),
        Script::new().sent(0, 0, 1).end(0, 0, 0, 0).acked(1, 0),
    ] {
        let verdict = judge(&script.history, &[Promise::AckedSurvives]);
        let undecided = Unclean::Undecided {
            topic: "orders".into(),
            partition: 0,
            messages: 1,
        };
        assert_eq!(verdict.violations(), []);
        assert!(!verdict.holds());
        assert_eq!(verdict.reasons(), [undecided, Unclean::NoDanger]);
    }
}

#[test]
fn no_duplicates_is_kept_when_two_readers_see_one_copy() {
    keeps(
        Script::new()
            .sent(0, 0, 1)
            .acked(1, 0)
            .read(1, 0, 0, 1)
            .read(2, 0, 0, 1),
        Promise::NoDuplicates,
    );
}

#[test]
fn no_duplicates_is_broken_by_a_second_copy() {
    let script = Script::new().sent(0, 0, 1).acked(1, 1).final_read(0, &[1, 1]);
    let places = vec![
        Place {
            partition: 0,
            offset: 0,
        },
        Place {
            partition: 0,
            offset: 1,
        },
    ];
    let expected = Violation::Duplicated {
        message: MessageId(1),
        producer: Some(0),
        topic: "orders".into(),
        places,
    };
    assert_eq!(breaches(script, Promise::NoDuplicates), [expected]);
}

#[test]
fn no_duplicates_is_broken_by_a_copy_in_another_partition() {
    let script = Script::new().sent(0, 0, 1).final_read(0, &[1]).final_read(1, &[1]);
    assert_eq!(breaches(script, Promise::NoDuplicates).len(), 1);
}

#[test]
fn in_order_is_kept_when_producers_interleave() {
    let script = Script::new()
        .sent(0, 0, 1)
        .sent(1, 0, 2)
        .sent(0, 0, 3)
        .sent(1, 0, 4)
        .final_read(0, &[2, 1, 4, 3]);
    keeps(script, Promise::InOrder);
}

#[test]
fn in_order_is_broken_once_per_message_that_lies_too_early() {
    let script = Script::new()
        .sent(0, 0, 1)
        .sent(0, 0, 2)
        .sent(0, 0, 3)
        .final_read(0, &[2, 3, 1]);
    let found = breaches(script, Promise::InOrder);
    let pairs: Vec<_> = found
        .iter()
        .map(|breach| match breach {
            Violation::Reordered { earlier, later, .. } => (earlier.0, later.0),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(pairs, [(1, 2), (1, 3)]);
}

#[test]
fn a_late_second_copy_does_not_break_the_order_of_first_copies() {
    keeps(
        Script::new().sent(0, 0, 1).sent(0, 0, 2).final_read(0, &[1, 2, 1]),
        Promise::InOrder,
    );
}

#[test]
fn acknowledged_offsets_show_the_order_only_where_nobody_read_to_the_end() {
    let acks = || Script::new().sent(0, 0, 1).acked(1, 1).sent(0, 0, 2).acked(2, 0);
    assert_eq!(breaches(acks(), Promise::InOrder).len(), 1);
    // The first was lost and the second took a place before it: a loss, not a reordering.
    keeps(acks().final_read(0, &[2]), Promise::InOrder);
}

#[test]
fn what_was_read_and_then_taken_back_is_lost_and_not_out_of_order() {
    // A reader saw the first two; both were lost, and the third took the place of the first.
    let script = || {
        Script::new()
            .sent(0, 0, 1)
            .sent(0, 0, 2)
            .read(7, 0, 5, 1)
            .read(7, 0, 6, 2)
            .sent(0, 0, 3)
            .acked(2, 6)
    };
    keeps(script().final_read(0, &[3]), Promise::InOrder);
    assert_eq!(breaches(script().final_read(0, &[3]), Promise::AckedSurvives).len(), 1);
    // Whoever comes back behind what took its place is out of order after all.
    assert_eq!(breaches(script().final_read(0, &[3, 2]), Promise::InOrder).len(), 1);
}

#[test]
fn the_order_of_what_was_removed_on_purpose_is_judged_by_what_readers_saw() {
    let script = Script::new()
        .sent(0, 0, 1)
        .sent(0, 0, 2)
        .read(7, 0, 0, 2)
        .read(7, 0, 1, 1)
        .end(0, 0, 2, 2);
    assert_eq!(breaches(script, Promise::InOrder).len(), 1);
}

#[test]
fn in_order_per_key_forgives_what_in_order_does_not() {
    let script = || {
        Script::new()
            .keyed(0, 0, 1, 10)
            .keyed(0, 0, 2, 20)
            .final_read(0, &[2, 1])
    };
    assert_eq!(breaches(script(), Promise::InOrder).len(), 1);
    keeps(script(), Promise::InOrderPerKey);
}

#[test]
fn in_order_per_key_is_broken_within_a_key() {
    let script = Script::new()
        .keyed(0, 0, 1, 10)
        .keyed(0, 0, 2, 10)
        .final_read(0, &[2, 1]);
    assert!(matches!(
        breaches(script, Promise::InOrderPerKey)[..],
        [Violation::Reordered { key: Some(10), .. }]
    ));
}

#[test]
fn consistent_offsets_is_kept_when_everybody_sees_the_same() {
    keeps(
        Script::new()
            .sent(0, 0, 1)
            .acked(1, 0)
            .read(1, 0, 0, 1)
            .read(2, 0, 0, 1),
        Promise::ConsistentOffsets,
    );
}

#[test]
fn consistent_offsets_is_broken_by_two_readers_or_two_acks_or_foreign_bytes() {
    let sent = || Script::new().sent(0, 0, 1).sent(0, 0, 2);
    let inconsistent = |messages: Vec<Option<MessageId>>| {
        [Violation::InconsistentOffset {
            topic: "orders".into(),
            partition: 0,
            offset: 5,
            messages,
        }]
    };
    let both = inconsistent(vec![Some(MessageId(1)), Some(MessageId(2))]);
    assert_eq!(
        breaches(sent().read(1, 0, 5, 2).read(2, 0, 5, 1), Promise::ConsistentOffsets),
        both
    );
    assert_eq!(
        breaches(sent().acked(1, 5).acked(2, 5), Promise::ConsistentOffsets),
        both
    );
    let foreign = inconsistent(vec![None, Some(MessageId(1))]);
    assert_eq!(
        breaches(sent().read(1, 0, 5, 1).read(2, 0, 5, None), Promise::ConsistentOffsets),
        foreign
    );
}

#[test]
fn nothing_refused_appears_is_kept_by_unknown_sends_that_were_written() {
    keeps(
        Script::new().sent(0, 0, 1).unknown(1).final_read(0, &[1]),
        Promise::NothingRefusedAppears,
    );
}

#[test]
fn nothing_refused_appears_is_broken_by_refused_and_unsent_messages() {
    let script = Script::new().sent(0, 0, 1).refused(1).final_read(0, &[1, 99]);
    let phantom = |id, offset, kind| Violation::Phantom {
        message: MessageId(id),
        topic: "orders".into(),
        place: Place { partition: 0, offset },
        kind,
    };
    let expected = [
        phantom(1, 0, PhantomKind::Refused),
        phantom(99, 1, PhantomKind::NeverSent),
    ];
    assert_eq!(breaches(script, Promise::NothingRefusedAppears), expected);
}

#[test]
fn sends_resolved_is_kept_by_any_outcome_and_broken_by_none() {
    let resolved = || {
        Script::new()
            .sent(0, 0, 1)
            .acked(1, 0)
            .sent(0, 0, 2)
            .refused(2)
            .sent(0, 0, 3)
            .unknown(3)
    };
    keeps(resolved(), Promise::SendsResolved);
    let found = breaches(resolved().sent(0, 0, 4), Promise::SendsResolved);
    assert!(matches!(
        found[..],
        [Violation::Unresolved {
            message: MessageId(4),
            sent_at: 7,
            ..
        }]
    ));
}

fn about(script: Script, id: u64, key: Option<u64>, repeats: Option<u64>) -> Script {
    script.sent_with(0, 0, id, |sent| {
        if let Observation::Sent {
            business, resend_of, ..
        } = sent
        {
            (*business, *resend_of) = (key, repeats.map(MessageId));
        }
    })
}

#[test]
fn an_application_level_resend_duplicates_although_no_message_does() {
    for (key, repeats) in [(Some(5), None), (None, Some(1)), (Some(5), Some(1))] {
        let first = about(Script::new(), 1, key, None).unknown(1);
        let script = about(first, 2, key, repeats).acked(2, 1).final_read(0, &[1, 2]);
        assert!(judge(&script.history, &[Promise::NoDuplicates]).holds());
        let found = breaches(script, Promise::OncePerBusinessKey);
        match &found[..] {
            [
                Violation::Repeated {
                    business,
                    message: MessageId(1),
                    appearances,
                },
            ] => {
                assert_eq!(*business, key);
                assert_eq!(appearances.len(), 2);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_resend_whose_first_attempt_was_not_written_appears_once() {
    let first = about(Script::new(), 1, Some(5), None).unknown(1);
    let script = about(first, 2, None, Some(1)).acked(2, 0).final_read(0, &[2]);
    keeps(script, Promise::OncePerBusinessKey);
}

#[test]
fn a_resend_of_a_resend_is_about_the_same_thing() {
    let script = about(Script::new(), 1, Some(5), None).unknown(1);
    let script = about(about(script, 2, None, Some(1)).unknown(2), 3, None, Some(2)).final_read(0, &[1, 3]);
    assert!(matches!(
        breaches(script, Promise::OncePerBusinessKey)[..],
        [Violation::Repeated { business: Some(5), .. }]
    ));
}

#[test]
fn key_stays_in_partition_is_broken_when_a_key_moves() {
    keeps(
        Script::new()
            .keyed(0, 0, 1, 9)
            .keyed(0, 1, 2, 8)
            .final_read(0, &[1])
            .final_read(1, &[2]),
        Promise::KeyStaysInPartition,
    );
    let script = Script::new()
        .keyed(0, 0, 1, 9)
        .keyed(0, 1, 2, 9)
        .final_read(0, &[1])
        .final_read(1, &[2]);
    let expected = Violation::KeyMoved {
        topic: "orders".into(),
        key: 9,
        partitions: vec![0, 1],
    };
    assert_eq!(breaches(script, Promise::KeyStaysInPartition), [expected]);
}

#[test]
fn a_verdict_that_met_no_danger_is_not_clean() {
    let script = Script::new().sent(0, 0, 1).acked(1, 0).final_read(0, &[1]);
    let verdict = judge(&script.history, &Promise::STORED);
    assert!(verdict.holds() && !verdict.is_clean());
    assert_eq!(verdict.reasons(), [Unclean::NoDanger]);
    let verdict = verdict.with_dangers(Dangers {
        kills: 1,
        ..Dangers::default()
    });
    assert!(!verdict.is_clean(), "a broker that nobody needed may die unnoticed");
    let verdict = verdict.with_dangers(Dangers {
        acked_during_fault: 1,
        ..Dangers::default()
    });
    assert!(verdict.is_clean() && verdict.reasons().is_empty());
}

#[test]
fn an_empty_history_and_an_empty_list_of_promises_prove_nothing() {
    assert!(!judge(&History::new(), &Promise::STORED).holds());
    assert!(!judge(&Script::new().sent(0, 0, 1).history, &[]).holds());
}

#[test]
fn a_history_that_contradicts_itself_is_not_believed() {
    let verdict = judge(
        &Script::new().sent(0, 0, 1).unknown(1).unknown(1).history,
        &[Promise::SendsResolved],
    );
    assert!(matches!(
        verdict.reasons()[..],
        [Unclean::Odd { count: 1, .. }, Unclean::NoDanger]
    ));
}

#[test]
fn counts_do_not_depend_on_what_was_promised() {
    let script = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .sent(0, 0, 2)
        .refused(2)
        .sent(0, 0, 3)
        .unknown(3)
        .sent(0, 0, 4)
        .read(5, 0, 9, None)
        .final_read(0, &[3, 2, 3]);
    let counts = judge(&script.history, &[Promise::SendsResolved]).counts();
    let expected = Counts {
        sent: 4,
        acked: 1,
        refused: 1,
        unknown: 1,
        unresolved: 1,
        read: 2,
        foreign: 1,
        lost: 1,
        expired: 0,
        duplicated: 1,
        reordered: 1,
        inconsistent: 1,
        phantom: 1,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
}
