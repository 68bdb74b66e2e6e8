//! Closing and being killed.

use super::*;

#[test]
fn close_sends_what_there_is_and_then_hangs_up() {
    let mut rig = started(&[("linger.ms", "1000")]);
    rig.send_tokens([1]);
    rig.act(|producer, now, out| producer.close(now, Duration::from_secs(5), out));
    let request = rig.next();
    rig.ack(&request, 0);
    assert_eq!(rig.fates(), [(1, 0)]);
    assert!(rig.client.is_closed());
    assert!(rig.disconnects.contains(&request.conn));
    rig.send_tokens([2]);
    assert_eq!(rig.fates(), [(2, -9)]);
    assert_eq!(rig.client.next_due(), None);
}

#[test]
fn close_gives_up_after_its_timeout() {
    let mut rig = started(&[("linger.ms", "0"), ("max.in.flight.requests.per.connection", "1")]);
    rig.send_tokens([1]);
    rig.send_tokens([2]);
    rig.act(|producer, now, out| producer.close(now, Duration::from_secs(5), out));
    rig.run_millis(5000);
    assert_eq!(rig.fates(), [(1, -8), (2, -9)]);
    assert!(rig.client.is_closed());
}

#[test]
fn close_refuses_sends_that_wait() {
    let mut rig = started(&[]);
    rig.send(ProducerRecord::new("missing", 1));
    rig.act(|producer, now, out| producer.close(now, Duration::ZERO, out));
    assert_eq!(rig.fates(), [(1, -9)]);
}

#[test]
fn a_killed_producer_says_nothing_more() {
    let mut rig = started(&[("linger.ms", "0")]);
    rig.send_tokens([1]);
    let request = rig.next();
    rig.client.kill();
    rig.ack(&request, 0);
    rig.run_millis(200_000);
    assert!(rig.outcomes.is_empty());
    assert_eq!(rig.client.next_due(), None);
}

#[test]
fn the_same_seed_behaves_the_same() {
    let run = || {
        let mut rig = started(&[("linger.ms", "0")]);
        for token in 0..50 {
            rig.send(ProducerRecord::new("wide", token).value(vec![0; 5000]));
            rig.run_millis(20);
            if token % 7 == 0 && !rig.requests.is_empty() {
                let conn = rig.requests[0].conn;
                rig.reset(conn);
            }
            while let Some(request) = rig.requests.pop() {
                rig.ack(&request, 0);
            }
        }
        rig.run_millis(5000);
        (rig.seen, rig.outcomes)
    };
    assert_eq!(run(), run());
}

#[test]
fn looking_when_nothing_is_due_changes_nothing() {
    let run = |looks: usize| {
        let mut rig = started(&[("linger.ms", "20")]);
        for token in 0..40 {
            rig.send(record(token));
            for _ in 0..7 {
                rig.run_millis(1);
                for _ in 0..looks {
                    rig.act(|producer, now, out| producer.advance(now, out));
                }
            }
            if !rig.requests.is_empty() {
                let request = rig.next();
                match token % 5 {
                    0 => rig.refuse(&request, ErrorCode::NOT_ENOUGH_REPLICAS),
                    _ => rig.ack(&request, 0),
                }
            }
        }
        (rig.fates(), rig.seen, rig.connects)
    };
    let (fates, ..) = run(0);
    assert!(!fates.is_empty(), "some records were acknowledged");
    assert_eq!(run(2), run(0));
}
