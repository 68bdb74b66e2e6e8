//! Each promise about groups, kept and broken.

use crate::script::Script;
use crate::{Completion, Counts, Dangers, MessageId, Promise, Stage, Unclean, Violation, judge};

fn keeps(script: Script, promise: Promise) {
    let verdict = judge(&script.history, &[promise]);
    assert!(verdict.holds(), "{:?}", verdict.reasons());
}

fn breaches(script: Script, promise: Promise) -> Vec<Violation> {
    let verdict = judge(&script.history, &[promise]);
    for reason in verdict.reasons() {
        assert!(matches!(reason, Unclean::Broken { .. } | Unclean::NoDanger), "{reason}");
    }
    verdict.violations().to_vec()
}

fn undecided(script: Script, promise: Promise) -> Vec<Unclean> {
    let verdict = judge(&script.history, &[promise]);
    assert_eq!(verdict.violations(), []);
    assert!(!verdict.holds());
    let mut reasons = verdict.reasons();
    reasons.retain(|reason| *reason != Unclean::NoDanger);
    reasons
}

/// Messages 0.. acknowledged at the offset of their number, and reader 7 of `billing` owns the partition.
fn stored(count: u64) -> Script {
    let acked = (0..count).fold(Script::new(), |script, id| script.sent(0, 0, id).acked(id, id as i64));
    acked.joined(7, "billing").owned(7, 0)
}

fn stages(found: &[Violation]) -> Vec<(u64, Option<Stage>)> {
    let stage = |breach: &Violation| match breach {
        Violation::Unprocessed { message, stage, .. } => (message.0, *stage),
        other => panic!("{other}"),
    };
    found.iter().map(stage).collect()
}

#[test]
fn every_acked_processed_is_kept_by_any_member_at_any_time() {
    let script = stored(2).processed(7, 0, 1, 1).settled("billing", true);
    let script = script.joined(8, "billing").processed(8, 0, 0, 0);
    keeps(script.final_read(0, &[0, 1]), Promise::EveryAckedProcessed);
}

#[test]
fn every_acked_processed_names_the_stage_of_a_loss() {
    let script = stored(3).sent(0, 0, 3).acked(3, None).sent(0, 0, 4).acked(4, None);
    let script = script
        .read(9, 0, 4, 4)
        .processed(7, 0, 0, 0)
        .settled("billing", true)
        .final_read(0, &[0, 1]);
    let expected = [
        (1, Some(Stage::Consumption)),
        (2, Some(Stage::Storage)),
        (3, Some(Stage::Production)),
        (4, Some(Stage::Storage)),
    ];
    assert_eq!(stages(&breaches(script, Promise::EveryAckedProcessed)), expected);
}

#[test]
fn what_was_removed_before_a_group_processed_it_was_lost_in_consumption() {
    let script = stored(2).processed(7, 0, 1, 1).settled("billing", true);
    let found = breaches(script.read(0, 0, 1, 1).end(0, 0, 1, 2), Promise::EveryAckedProcessed);
    assert_eq!(stages(&found), [(0, Some(Stage::Consumption))]);
}

#[test]
fn without_a_final_read_nobody_can_say_where_a_message_was_lost() {
    let found = breaches(stored(1).settled("billing", true), Promise::EveryAckedProcessed);
    assert_eq!(stages(&found), [(0, None)]);
}

#[test]
fn every_group_owes_the_messages_to_itself_and_of_its_topics_only() {
    let script = || {
        let done = stored(1).processed(7, 0, 0, 0).settled("billing", true);
        done.joined(8, "audit").settled("audit", true)
    };
    keeps(script(), Promise::EveryAckedProcessed);
    let found = breaches(script().read(8, 0, 0, 0), Promise::EveryAckedProcessed);
    assert!(matches!(&found[..], [Violation::Unprocessed { group, .. }] if &**group == "audit"));
}

#[test]
fn what_a_group_had_no_time_for_is_undecided() {
    let unsettled = |messages| {
        [Unclean::Unsettled {
            group: "billing".into(),
            messages,
        }]
    };
    assert_eq!(undecided(stored(2), Promise::EveryAckedProcessed), unsettled(2));
    let late = stored(0).settled("billing", true).sent(0, 0, 5).acked(5, 0);
    assert_eq!(undecided(late, Promise::EveryAckedProcessed), unsettled(1));
    keeps(stored(1).processed(7, 0, 0, 0), Promise::EveryAckedProcessed);
}

#[test]
fn effect_once_is_broken_by_a_second_effect_in_the_same_group() {
    let script = || stored(1).joined(8, "audit").effect(7, 0).effect(8, 0);
    keeps(script(), Promise::EffectOnce);
    let found = breaches(script().joined(9, "billing").effect(9, 0), Promise::EffectOnce);
    match &found[..] {
        [Violation::EffectRepeated { group, message, times }] => {
            assert_eq!((group.as_deref(), *message), (Some("billing"), MessageId(0)));
            let readers: Vec<u32> = times.iter().map(|time| time.1).collect();
            assert_eq!(readers, [7, 9]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn effect_once_is_broken_by_the_effect_of_a_resend() {
    let script = Script::new().sent(0, 0, 1).unknown(1).sent_with(0, 0, 2, |sent| {
        if let crate::Observation::Sent { resend_of, .. } = sent {
            *resend_of = Some(MessageId(1));
        }
    });
    let found = breaches(script.effect(3, 2).effect(3, 1), Promise::EffectOnce);
    assert!(matches!(
        found[..],
        [Violation::EffectRepeated {
            group: None,
            message: MessageId(2),
            ..
        }]
    ));
}

fn ahead(found: &[Violation]) -> Vec<(i64, Option<u64>, i64)> {
    let ahead = |breach: &Violation| match breach {
        Violation::CommitAhead {
            unprocessed,
            message,
            committed,
            ..
        } => (*unprocessed, message.map(|id| id.0), *committed),
        other => panic!("{other}"),
    };
    found.iter().map(ahead).collect()
}

#[test]
fn a_commit_of_all_that_was_processed_passes_nothing() {
    let script = stored(3).processed(7, 0, 1, 1).processed(7, 0, 0, 0).commit(7, 0, 2);
    keeps(script, Promise::CommitNeverPassesProcessed);
}

#[test]
fn a_commit_may_pass_offsets_that_hold_nothing_and_what_was_removed_on_purpose() {
    let script = Script::new().sent(0, 0, 1).acked(1, 0).sent(0, 0, 2).acked(2, 7);
    let script = script.joined(7, "billing").processed(7, 0, 7, 2).commit(7, 0, 8);
    keeps(
        script.read(0, 0, 7, 2).end(0, 0, 3, 8),
        Promise::CommitNeverPassesProcessed,
    );
}

#[test]
fn a_commit_that_passes_the_unprocessed_is_one_breach_per_first_offset() {
    let script = stored(3).processed(7, 0, 0, 0).commit(7, 0, 2).commit(7, 0, 3);
    let script = script.processed(7, 0, 1, 1).commit(7, 0, 3);
    let expected = [(1, Some(1), 2), (2, Some(2), 3)];
    assert_eq!(ahead(&breaches(script, Promise::CommitNeverPassesProcessed)), expected);
}

#[test]
fn a_commit_that_did_not_succeed_passes_nothing() {
    for completion in [Completion::Fail, Completion::Info] {
        let script = stored(1).commit(7, 0, 0).committed(7, 0, 1, completion);
        keeps(script, Promise::CommitNeverPassesProcessed);
    }
}

#[test]
fn what_another_group_processed_is_no_excuse_for_a_commit() {
    let script = stored(1).joined(8, "audit").processed(8, 0, 0, 0).commit(7, 0, 1);
    let found = breaches(script, Promise::CommitNeverPassesProcessed);
    assert_eq!(ahead(&found), [(0, Some(0), 1)]);
}

#[test]
fn foreign_bytes_must_be_processed_too_before_a_commit_passes_them() {
    let script = || stored(0).read(7, 0, 0, None);
    let found = breaches(script().commit(7, 0, 1), Promise::CommitNeverPassesProcessed);
    assert_eq!(ahead(&found), [(0, None, 1)]);
    keeps(
        script().processed(7, 0, 0, None).commit(7, 0, 1),
        Promise::CommitNeverPassesProcessed,
    );
}

fn keyed() -> Script {
    let sent = Script::new()
        .keyed(0, 0, 1, 10)
        .keyed(0, 0, 2, 10)
        .keyed(0, 0, 3, 20)
        .keyed(1, 0, 4, 10);
    sent.joined(7, "billing")
}

#[test]
fn order_per_key_is_between_messages_of_one_producer_and_key() {
    let script = keyed().processed(7, 0, 3, 4).processed(7, 0, 2, 3);
    keeps(script.processed(7, 0, 0, 1).processed(7, 0, 1, 2), Promise::OrderPerKey);
}

#[test]
fn order_per_key_counts_the_first_processing_only() {
    let script = keyed().processed(7, 0, 0, 1).processed(7, 0, 1, 2);
    keeps(script.processed(7, 0, 0, 1).processed(7, 0, 1, 2), Promise::OrderPerKey);
}

#[test]
fn order_per_key_is_broken_across_members_and_partitions() {
    let script = keyed().joined(8, "billing").processed(8, 1, 0, 2).processed(7, 0, 0, 1);
    let found = breaches(script, Promise::OrderPerKey);
    assert!(matches!(
        found[..],
        [Violation::ProcessedOutOfOrder {
            key: 10,
            earlier: MessageId(1),
            later: MessageId(2),
            ..
        }]
    ));
}

#[test]
fn two_owners_are_no_harm_while_one_of_them_cannot_commit() {
    let script = stored(0)
        .joined(8, "billing")
        .commit(7, 0, 0)
        .owned(8, 0)
        .commit(8, 0, 0);
    let script = script.commit_sent(7, 0, 0).committed(7, 0, 0, Completion::Fail);
    keeps(script.released(7, 0).commit(7, 0, 0), Promise::GroupSingleOwner);
}

#[test]
fn two_owners_whose_commits_are_accepted_break_group_single_owner_once() {
    let script = || {
        stored(0)
            .joined(8, "billing")
            .owned(8, 0)
            .commit(7, 0, 0)
            .commit(8, 0, 0)
    };
    let expected = [Violation::TwoOwners {
        group: "billing".into(),
        topic: "orders".into(),
        partition: 0,
        first: 7,
        second: 8,
        since: 4,
    }];
    assert_eq!(breaches(script(), Promise::GroupSingleOwner), expected);
    let again = script().released(8, 0).owned(8, 0).commit(8, 0, 1).commit(7, 0, 1);
    assert_eq!(breaches(again, Promise::GroupSingleOwner), expected);
}

#[test]
fn ownership_ends_with_the_process() {
    let script = stored(0).joined(8, "billing").commit_sent(7, 0, 0).died(7).owned(8, 0);
    keeps(
        script.commit(8, 0, 0).committed(7, 0, 0, Completion::Ok),
        Promise::GroupSingleOwner,
    );
}

#[test]
fn owners_in_different_groups_do_not_meet() {
    let script = stored(0).joined(8, "audit").owned(8, 0).commit(7, 0, 0).commit(8, 0, 0);
    keeps(script, Promise::GroupSingleOwner);
}

#[test]
fn a_group_converges_if_it_had_caught_up_when_it_was_last_looked_at() {
    let script = || stored(0).settled("billing", false);
    let expected = [Violation::NotConverged {
        group: "billing".into(),
        at: 3,
    }];
    assert_eq!(breaches(script(), Promise::Converges), expected);
    keeps(script().settled("billing", true), Promise::Converges);
    let never = [Unclean::Unsettled {
        group: "billing".into(),
        messages: 0,
    }];
    assert_eq!(undecided(stored(0), Promise::Converges), never);
}

#[test]
fn promises_about_groups_that_find_nothing_to_judge_are_undecided() {
    for promise in Promise::CONSUMED {
        let script = Script::new().sent(0, 0, 1).acked(1, 0).final_read(0, &[1]);
        assert_eq!(undecided(script, promise), [Unclean::NothingToJudge { promise }]);
    }
}

#[test]
fn what_only_members_do_is_odd_without_a_group() {
    let history = Script::new().processed(7, 0, 0, 1).commit(7, 0, 1).owned(7, 0).history;
    assert_eq!(history.oddities(), [crate::Oddity::Groupless(7); 4]);
    assert!(history.is_empty());
    let history = stored(0).joined(7, "billing").joined(7, "audit").history;
    assert_eq!(history.oddities(), [crate::Oddity::JoinedAnother(7)]);
}

#[test]
fn what_groups_do_is_counted() {
    let script = stored(2).processed(7, 0, 0, 0).processed(7, 0, 0, 0).effect(7, 0);
    let script = script
        .effect(7, 0)
        .effect(7, 0)
        .commit(7, 0, 2)
        .settled("billing", true);
    let counts = judge(&script.history, &[Promise::EffectOnce]).counts();
    let expected = Counts {
        sent: 2,
        acked: 2,
        processed: 2,
        reprocessed: 1,
        unprocessed: 1,
        effects: 3,
        effects_repeated: 2,
        commits: 1,
        commits_ahead: 1,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    let text = counts.to_string();
    assert!(
        text.ends_with("; processed 2, again 1, never 1, out of order 0; effects 3, repeated 2; commits 1, ahead 1"),
        "{text}"
    );
}

#[test]
fn handovers_redeliveries_and_failed_commits_are_dangers() {
    let script = stored(1).read(7, 0, 0, 0).died(7).joined(8, "billing").owned(8, 0);
    let script = script.read(8, 0, 0, 0).read(9, 0, 0, 0);
    let script = script
        .committed(8, 0, 1, Completion::Ok)
        .committed(8, 0, 1, Completion::Fail)
        .committed(8, 0, 1, Completion::Info);
    let expected = Dangers {
        handovers: 1,
        redeliveries: 1,
        commits_failed: 2,
        consumers_died: 1,
        ..Dangers::default()
    };
    assert_eq!(Dangers::shown_by(&script.history), expected);
    assert!(!expected.is_vacuous());
}
