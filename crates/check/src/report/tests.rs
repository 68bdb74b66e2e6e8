use super::*;
use crate::script::Script;
use crate::{Dangers, Promise, judge};

fn losses(count: u64) -> Verdict {
    let acked = (0..count).fold(Script::new(), |script, id| script.sent(0, 0, id).acked(id, id as i64));
    judge(
        &acked.final_read(0, &[]).history,
        &[Promise::AckedSurvives, Promise::InOrder],
    )
    .with_dangers(Dangers {
        leader_changes: 1,
        ..Dangers::default()
    })
}

#[test]
fn a_report_tells_what_was_broken_and_how_it_came_about() {
    let verdict = losses(1);
    let explanation = Explanation {
        violation: verdict.violations()[0].clone(),
        story: vec![
            "broker 1 acknowledged it before anyone had fetched it".into(),
            "broker 1 lost power".into(),
        ],
        cause: Cause {
            fault: Some("power loss of broker 1".into()),
            setting_allowed: vec![Setting::new("acks", "1")],
            setting_prevents: vec![Setting::new("acks", "all"), Setting::new("min.insync.replicas", "2")],
            replicas_had_it: vec![1],
            ..Cause::in_stage(Stage::Storage)
        },
    };
    let expected = "\
NOT CLEAN
messages: sent 1, acked 1, refused 0, unknown 0, unresolved 0, read 0; lost 1, duplicated 0, reordered 0, inconsistent 0, phantom 0
dangers met: leader changes 1
not clean because promises were broken 1 times
BROKEN 1 times: every acknowledged message survives
  message 0 of producer 0 is lost: orders-0 acknowledged it at offset 0, 0.000000002s
    broker 1 acknowledged it before anyone had fetched it
    broker 1 lost power
    stage: storage
    fault: power loss of broker 1
    brokers that had it: 1
    allowed by: acks=1
    prevented by: acks=all, min.insync.replicas=2
kept: each producer's messages lie in the order of sending
";
    assert_eq!(Report::new(verdict, vec![explanation]).to_string(), expected);
}

#[test]
fn a_long_list_is_cut_unless_all_is_asked_for() {
    let report = Report::new(losses(8), Vec::new());
    assert!(report.to_string().contains("  and 3 more\n"));
    let all = format!("{report:#}");
    assert!(!all.contains("more"));
    assert_eq!(all.matches("is lost").count(), 8);
}

#[test]
fn a_clean_report_says_so() {
    let script = Script::new().sent(0, 0, 1).acked(1, 0).final_read(0, &[1]);
    let verdict = judge(&script.history, &[Promise::InOrder]).with_dangers(Dangers {
        truncations: 2,
        kills: 1,
        ..Dangers::default()
    });
    let text = Report::new(verdict, Vec::new()).to_string();
    assert!(text.starts_with("CLEAN\n"), "{text}");
    assert!(text.contains("dangers met: truncations 2, kills 1\n"), "{text}");
}
