//! What polls return.

use super::*;

#[test]
fn records_are_doled_out_and_the_next_fetch_goes_out_when_the_last_are() {
    let mut rig = member(&[("max.poll.records", "2")]);
    rig.poll(1_000);
    rig.feed(&[(0, 0, 5)]);
    assert_eq!(rig.polled(), [(0, 0), (0, 1)]);
    rig.poll(1_000);
    assert_eq!(rig.polled(), [(0, 2), (0, 3)]);
    assert!(!rig.has(ApiKey::Fetch), "there is still a record");
    assert_eq!(rig.client.position(&orders(0)), Some(4));
    rig.poll(1_000);
    assert_eq!(rig.polled(), [(0, 4)]);
    assert!(rig.has(ApiKey::Fetch), "while the application processes");
}

#[test]
fn an_empty_poll_ends_with_its_time_out() {
    let mut rig = member(&[]);
    rig.poll(700);
    rig.run_millis(699);
    assert!(rig.outcomes.is_empty());
    rig.run_millis(1);
    assert_eq!(rig.outcomes, [ConsumerOutcome::Polled { records: Vec::new() }]);
}

#[test]
fn nothing_is_fetched_between_polls_but_what_was_asked_for_before() {
    let mut rig = member(&[]);
    rig.poll(1_000);
    rig.feed(&[(0, 0, 1)]);
    rig.feed(&[(0, 1, 1)]);
    rig.run_for(Duration::from_secs(2));
    assert!(!rig.has(ApiKey::Fetch));
    rig.poll(0);
    assert_eq!(rig.polled(), [(0, 1)]);
    assert!(rig.has(ApiKey::Fetch));
}

#[test]
fn a_paused_partition_keeps_its_records_until_it_is_resumed() {
    let mut rig = member(&[]);
    rig.poll(1_000);
    rig.client.pause(&[orders(0)]);
    rig.feed(&[(0, 0, 1), (1, 0, 1)]);
    assert_eq!(rig.polled(), [(1, 0)]);
    rig.client.resume(&[orders(0)]);
    rig.poll(0);
    assert_eq!(rig.polled(), [(0, 0)]);
}

#[test]
fn a_seek_drops_what_was_fetched() {
    let mut rig = member(&[("max.poll.records", "1")]);
    rig.poll(1_000);
    rig.feed(&[(0, 0, 3)]);
    assert_eq!(rig.polled(), [(0, 0)]);
    rig.act(|consumer, now, out| consumer.seek(now, &orders(0), StartAt::Offset(50), out));
    rig.poll(1_000);
    rig.feed(&[(0, 50, 1)]);
    assert_eq!(rig.polled(), [(0, 50)]);
}

#[test]
fn a_killed_consumer_says_nothing_more() {
    let mut rig = member(&[]);
    rig.poll(1_000);
    rig.client.kill();
    assert_eq!(rig.client.next_due(), None);
    rig.run_for(Duration::from_secs(60));
    assert!(rig.outcomes.is_empty());
}

#[test]
fn a_waiting_poll_costs_few_wake_ups() {
    let mut rig = member(&[("enable.auto.commit", "false")]);
    let before = rig.wake_ups;
    rig.poll(20_000);
    rig.run_for(Duration::from_secs(20));
    assert!(rig.wake_ups - before < 12, "{}", rig.wake_ups - before);
}

#[test]
fn the_same_seed_behaves_the_same() {
    let run = || {
        let mut rig = member(&[]);
        rig.poll(1_000);
        rig.feed(&[(0, 0, 3)]);
        rig.run_for(Duration::from_secs(100));
        (rig.seen.clone(), rig.outcomes.clone())
    };
    assert_eq!(run(), run());
}
