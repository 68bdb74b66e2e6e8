use super::*;
use crate::Completion::{Fail, Info, Ok};
use crate::script::Script;

fn ids(numbers: &[u64]) -> Vec<MessageId> {
    numbers.iter().copied().map(MessageId).collect()
}

/// Messages 0.. of producer 0, acknowledged at the offset of their number.
fn acked(count: u64) -> Script {
    (0..count).fold(Script::new(), |script, id| script.sent(0, 0, id).acked(id, id as i64))
}

fn deltas(steps: &[PollStep]) -> Vec<(i64, i64, i64)> {
    steps.iter().map(|step| (step.from, step.to, step.delta)).collect()
}

#[test]
fn a_calm_history_has_no_anomalies() {
    let anomalies = analyze(&acked(3).poll(0, Ok).final_read(0, &[0, 1, 2]).history);
    assert!(anomalies.is_empty(), "{anomalies:?}");
}

#[test]
fn a_lost_write_needs_a_later_offset_to_have_been_read() {
    let middle = analyze(&acked(3).read(0, 0, 0, 0).read(0, 0, 2, 2).history);
    assert_eq!((middle.lost_writes, middle.unseen), (ids(&[1]), ids(&[1])));
    let tail = analyze(&acked(3).final_read(0, &[0, 1]).history);
    assert_eq!((tail.lost_writes, tail.unseen), (ids(&[]), ids(&[2])));
}

#[test]
fn a_write_whose_offset_was_given_to_another_is_a_lost_write() {
    let script = Script::new()
        .sent(0, 0, 1)
        .acked(1, 0)
        .sent(1, 0, 2)
        .acked(2, 0)
        .final_read(0, &[2]);
    let anomalies = analyze(&script.history);
    assert_eq!(anomalies.lost_writes, ids(&[1]));
    assert_eq!(anomalies.inconsistent_offsets.len(), 1);
}

#[test]
fn an_acknowledgement_without_an_offset_can_only_be_unseen() {
    let anomalies = analyze(
        &Script::new()
            .sent(0, 0, 1)
            .acked(1, None)
            .sent(0, 0, 2)
            .acked(2, 0)
            .final_read(0, &[2])
            .history,
    );
    assert_eq!((anomalies.lost_writes, anomalies.unseen), (ids(&[]), ids(&[1])));
}

#[test]
fn an_unknown_send_that_never_appears_is_nothing() {
    let script = Script::new()
        .sent(0, 0, 1)
        .unknown(1)
        .sent(0, 0, 2)
        .acked(2, 0)
        .final_read(0, &[2]);
    assert!(analyze(&script.history).is_empty());
}

#[test]
fn reads_of_a_poll_that_did_not_end_well_are_in_the_version_order_but_show_nothing() {
    for completion in [Info, Fail] {
        let script = Script::new().sent(0, 0, 1).acked(1, 0).sent(0, 0, 2).refused(2);
        let anomalies = analyze(
            &script
                .poll(0, completion)
                .read(0, 0, 0, 1)
                .read(0, 0, 1, 2)
                .read(0, 0, 2, 1)
                .history,
        );
        assert_eq!(anomalies.unseen, ids(&[1]));
        assert_eq!(anomalies.aborted_reads, ids(&[]));
        assert_eq!(anomalies.duplicates.len(), 1);
        assert_eq!(anomalies.duplicates[0].offsets, [0, 2]);
    }
}

#[test]
fn sends_that_lie_the_wrong_way_round_are_nonmonotonic() {
    let script = Script::new()
        .sent(0, 0, 1)
        .sent(0, 0, 2)
        .unknown(1)
        .acked(2, 0)
        .final_read(0, &[2, 1]);
    let anomalies = analyze(&script.history);
    let expected = NonmonotonicSend {
        producer: 0,
        topic: "orders".into(),
        partition: 0,
        earlier: (MessageId(1), 1),
        later: (MessageId(2), 0),
    };
    assert_eq!(anomalies.nonmonotonic_sends, [expected]);
}

#[test]
fn polls_skip_and_go_back_across_and_within() {
    let script = acked(6)
        .poll(1, Ok)
        .read(1, 0, 0, 0)
        .read(1, 0, 2, 2)
        .poll(1, Ok)
        .read(1, 0, 5, 5)
        .read(1, 0, 4, 4);
    let anomalies = analyze(&script.poll(1, Ok).read(1, 0, 4, 4).history);
    assert_eq!(deltas(&anomalies.internal_poll_skips), [(0, 2, 2)]);
    assert_eq!(deltas(&anomalies.poll_skips), [(2, 5, 3)]);
    assert_eq!(deltas(&anomalies.internal_nonmonotonic_polls), [(5, 4, -1)]);
    assert_eq!(deltas(&anomalies.nonmonotonic_polls), [(4, 4, 0)]);
}

#[test]
fn offsets_that_hold_nothing_known_are_not_skipped() {
    let script = Script::new().sent(0, 0, 1).acked(1, 0).sent(0, 0, 2).acked(2, 7);
    assert!(analyze(&script.poll(1, Ok).read(1, 0, 0, 1).poll(1, Ok).read(1, 0, 7, 2).history).is_empty());
}

#[test]
fn a_step_over_a_reposition_is_excused() {
    let script = acked(3)
        .poll(1, Ok)
        .read(1, 0, 2, 2)
        .repositioned(1, 0)
        .poll(1, Ok)
        .read(1, 0, 0, 0);
    let anomalies = analyze(&script.repositioned(1, 0).read(1, 0, 2, 2).history);
    assert_eq!(deltas(&anomalies.nonmonotonic_polls), []);
    assert_eq!(deltas(&anomalies.internal_poll_skips), []);
}

#[test]
fn a_poll_that_did_not_end_well_is_no_end_of_comparison() {
    let script = acked(4)
        .poll(1, Ok)
        .read(1, 0, 0, 0)
        .poll(1, Info)
        .read(1, 0, 1, 1)
        .poll(1, Ok)
        .read(1, 0, 2, 2);
    assert_eq!(deltas(&analyze(&script.history).poll_skips), [(0, 2, 2)]);
}

#[test]
fn a_poll_that_did_not_end_well_is_itself_compared() {
    for completion in [Info, Fail] {
        let script = acked(3).poll(1, Ok).read(1, 0, 0, 0).poll(1, completion);
        assert_eq!(
            deltas(&analyze(&script.read(1, 0, 2, 2).history).poll_skips),
            [(0, 2, 2)]
        );
    }
}

#[test]
fn what_another_partition_shows_is_no_sight_of_a_write() {
    let script = Script::new().sent(0, 0, 1).acked(1, 0).sent(0, 0, 2).acked(2, 1);
    let anomalies = analyze(&script.read(1, 1, 0, 1).read(1, 0, 1, 2).history);
    assert_eq!((anomalies.unseen, anomalies.lost_writes), (ids(&[1]), ids(&[1])));
}

#[test]
fn a_step_over_a_change_of_owners_is_excused() {
    let there = || acked(3).joined(1, "billing").poll(1, Ok).read(1, 0, 2, 2);
    let back = |script: Script| analyze(&script.poll(1, Ok).read(1, 0, 0, 0).history).nonmonotonic_polls;
    assert_eq!(deltas(&back(there())), [(2, 0, -2)]);
    assert_eq!(back(there().owned(1, 0)), []);
    assert_eq!(back(there().released(1, 0)), []);
}
