use super::*;
use crate::script::Script;
use crate::{MessageId, Promise, judge};

fn acked(count: u64) -> Script {
    (0..count).fold(Script::new(), |script, id| script.sent(0, 0, id).acked(id, id as i64))
}

#[test]
fn a_gap_is_raised_per_producer_and_partition() {
    let seen = |partition, producer, sequence| Seen {
        partition,
        producer,
        sequence,
    };
    let gaps = detect([
        seen(0, 1, 0),
        seen(0, 2, 0),
        seen(1, 1, 1),
        seen(0, 1, 1),
        seen(0, 2, 3),
    ]);
    let expected = [
        Gap {
            partition: 1,
            producer: 1,
            from: 0,
            to: 0,
        },
        Gap {
            partition: 0,
            producer: 2,
            from: 1,
            to: 2,
        },
    ];
    assert_eq!(gaps, expected);
}

#[test]
fn a_consumer_that_joins_late_does_not_take_the_past_for_a_gap() {
    let mut detector = Detector::joining_late();
    let seen = |sequence| Seen {
        partition: 0,
        producer: 0,
        sequence,
    };
    assert_eq!(detector.see(seen(40)), None);
    assert_eq!(
        detector.see(seen(42)),
        Some(Gap {
            partition: 0,
            producer: 0,
            from: 41,
            to: 41
        })
    );
    assert_eq!(detector.see(seen(41)), None);
    assert_eq!(detector.see(seen(43)), None);
}

#[test]
fn the_highest_sequence_number_is_survived() {
    let seen = |sequence| Seen {
        partition: 0,
        producer: 0,
        sequence,
    };
    assert_eq!(detect([seen(u64::MAX), seen(u64::MAX)]).len(), 1);
}

#[test]
fn a_loss_in_the_middle_is_detected() {
    let report = compare(&acked(4).final_read(0, &[0, 3]).history);
    assert_eq!(
        report.gaps,
        [(
            "orders".into(),
            Gap {
                partition: 0,
                producer: 0,
                from: 1,
                to: 2
            }
        )]
    );
    assert_eq!(report.detected, [MessageId(1), MessageId(2)]);
    assert_eq!(report.false_alarms, FalseAlarms::default());
}

#[test]
fn a_lost_tail_is_caught_by_acked_survives_but_missed_by_gaps() {
    let history = acked(4).final_read(0, &[0, 1]).history;
    assert_eq!(judge(&history, &[Promise::AckedSurvives]).violations().len(), 2);
    let report = compare(&history);
    assert!(report.gaps.is_empty() && report.detected.is_empty());
    assert_eq!(report.missed_tail, [MessageId(2), MessageId(3)]);
}

#[test]
fn a_partition_that_lost_everything_shows_no_gap() {
    let report = compare(&acked(2).final_read(0, &[]).history);
    assert_eq!(report.missed_tail, [MessageId(0), MessageId(1)]);
}

#[test]
fn reordering_raises_false_alarms() {
    let report = compare(&acked(3).final_read(0, &[1, 2, 0]).history);
    assert!(report.detected.is_empty());
    assert_eq!(
        report.false_alarms,
        FalseAlarms {
            late: 1,
            ..FalseAlarms::default()
        }
    );
}

#[test]
fn sends_that_nobody_promised_raise_false_alarms() {
    let script = Script::new()
        .sent(0, 0, 1)
        .refused(1)
        .sent(0, 0, 2)
        .unknown(2)
        .sent(0, 0, 3)
        .acked(3, 0);
    let report = compare(&script.final_read(0, &[3]).history);
    assert_eq!(
        report.false_alarms,
        FalseAlarms {
            refused: 1,
            unpromised: 1,
            ..FalseAlarms::default()
        }
    );
}

#[test]
fn what_was_removed_on_purpose_raises_a_false_alarm() {
    let report = compare(&acked(2).read(0, 0, 1, 1).end(0, 0, 1, 2).history);
    assert_eq!(
        report.false_alarms,
        FalseAlarms {
            expired: 1,
            ..FalseAlarms::default()
        }
    );
}

#[test]
fn a_duplicate_raises_no_alarm() {
    let report = compare(&acked(2).final_read(0, &[0, 0, 1, 0]).history);
    assert!(report.gaps.is_empty());
}
