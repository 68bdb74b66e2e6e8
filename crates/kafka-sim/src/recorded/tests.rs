use kafka_sim_check::{Completion, History, MessageId, Observation, key_of};

use super::*;

fn everything() -> Vec<Observation> {
    let (at, reader, partition, offset, message) = (1, 2, 3, 4, MessageId(u64::MAX));
    let topic = || "orders".into();
    vec![
        Observation::FaultActive {
            from: 0,
            until: u64::MAX,
        },
        Observation::TopicRecreated { at, topic: topic() },
        Observation::Sent {
            at,
            producer: 0,
            message,
            topic: topic(),
            partition: Some(partition),
            key: Some(key_of(b"a key")),
            sequence: 5,
            business: Some(6),
            resend_of: Some(MessageId(7)),
        },
        Observation::Acked {
            at,
            message,
            partition,
            offset: None,
        },
        Observation::Sent {
            at,
            producer: 0,
            message: MessageId(8),
            topic: topic(),
            partition: None,
            key: None,
            sequence: 0,
            business: None,
            resend_of: None,
        },
        Observation::Refused {
            at,
            message: MessageId(8),
            error: "A \"quoted\" error\n".into(),
        },
        Observation::Sent {
            at,
            producer: 0,
            message: MessageId(9),
            topic: topic(),
            partition: None,
            key: None,
            sequence: 0,
            business: None,
            resend_of: None,
        },
        Observation::Unknown {
            at,
            message: MessageId(9),
            error: "REQUEST_TIMED_OUT".into(),
        },
        Observation::Poll {
            at,
            reader,
            completion: Completion::Info,
        },
        Observation::Repositioned {
            at,
            reader,
            topic: topic(),
            partition,
        },
        Observation::Read {
            at,
            reader,
            topic: topic(),
            partition,
            offset,
            message: None,
            leader_epoch: Some(1),
        },
        Observation::EndOfRead {
            at,
            reader,
            topic: topic(),
            partition,
            log_start: 2,
            offset,
        },
        Observation::Joined {
            at,
            reader,
            group: "billing".into(),
        },
        Observation::Owned {
            at,
            reader,
            topic: topic(),
            partition,
        },
        Observation::Processed {
            at,
            reader,
            topic: topic(),
            partition,
            offset,
            message: Some(message),
        },
        Observation::Effect { at, reader, message },
        Observation::CommitSent {
            at,
            reader,
            topic: topic(),
            partition,
            offset,
        },
        Observation::Committed {
            at,
            reader,
            topic: topic(),
            partition,
            offset,
            completion: Completion::Fail,
        },
        Observation::Released {
            at,
            reader,
            topic: topic(),
            partition,
        },
        Observation::Died { at, reader },
        Observation::GroupSettled {
            at,
            group: "billing".into(),
            caught_up: false,
        },
    ]
}

#[test]
fn what_is_written_is_read_again() {
    let history: History = everything().into_iter().collect();
    assert_eq!(history.len(), everything().len());
    let mut file = Vec::new();
    write(&history, &mut file).unwrap();
    let read = parse(&file).unwrap();
    assert_eq!(read.observations().collect::<Vec<_>>(), everything());
}

#[test]
fn a_key_may_be_text_and_lines_may_be_empty() {
    let text = "\n{\"kafka_sim_history\":1}\r\n\r\n{\"sent\":{\"at\":1,\"producer\":0,\"message\":1,\"topic\":\"t\",\"key\":\"k\"}}";
    let history = parse(text.as_bytes()).unwrap();
    assert_eq!(history.message(MessageId(1)).unwrap().key, Some(key_of(b"k")));
}

#[test]
fn a_bad_line_is_named() {
    let header = "{\"kafka_sim_history\":1}\n";
    let died = "{\"died\":{\"at\":1,\"reader\":2}}\n";
    let wrong = |text: String| parse(text.as_bytes()).unwrap_err().to_string();
    for (bad, what) in [
        ("{\"died\":{\"at\":1}}", "missing field `reader`"),
        ("{\"died\":{\"at\":1,\"reader\":2,\"why\":3}}", "unknown field `why`"),
        ("{\"perished\":{}}", "unknown variant `perished`"),
        ("{\"died\":{\"at\":-1,\"reader\":2}}", "invalid value"),
        (
            "{\"poll\":{\"at\":1,\"reader\":2,\"completion\":\"fine\"}}",
            "unknown variant `fine`",
        ),
        (
            "{\"sent\":{\"at\":1,\"producer\":0,\"message\":1,\"topic\":\"t\",\"key\":1.5}}",
            "a key: a number, or text",
        ),
        ("half a li", "expected value"),
    ] {
        let error = wrong(format!("{header}{died}\n{bad}\n"));
        assert!(error.starts_with("line 4: expected an observation"), "{error}");
        assert!(error.contains(what), "{error}");
    }
    assert!(wrong(died.into()).starts_with("line 1: expected the header"));
    assert!(wrong(String::new()).starts_with("line 1: expected the header"));
    assert_eq!(
        wrong("{\"kafka_sim_history\":2}".into()),
        "line 1: history format 2, expected format 1"
    );
}
