use kafka_sim_core::{BrokerId, ErrorCode};
use uuid::Uuid;

use crate::event::{Brokers, Event};
use crate::mark::{MarkCounter, MarkKind, MarkName};
use crate::peer::Tp;

const ORDERS: Uuid = Uuid::from_u128(1);
const NOTHING: [usize; 0] = [];
const UNKNOWN: Uuid = Uuid::from_u128(9);

fn name_of(id: Uuid) -> Option<&'static str> {
    (id == ORDERS).then_some("orders")
}

fn answered(topic: Uuid, partition: i32, error: ErrorCode) -> Event {
    let (broker, isr) = (BrokerId(1), Brokers::new());
    Event::ProduceAnswered {
        broker,
        tp: Tp { topic, partition },
        base: 0,
        last: 0,
        acks: -1,
        error,
        isr,
    }
}

fn acked(partition: i32) -> MarkKind {
    MarkKind::ProduceAcked {
        topic: "orders".into(),
        partition,
    }
}

fn reached(counter: &mut MarkCounter, event: &Event) -> Vec<usize> {
    let mut reached = Vec::new();
    counter.observe(event, name_of, &mut reached);
    reached
}

#[test]
fn a_trigger_is_reached_once_on_the_nth_occurrence_of_its_own_mark() {
    let mut counter = MarkCounter::new();
    counter.arm(acked(0), 2, 7);
    assert_eq!(reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NONE)), NOTHING);
    assert_eq!(reached(&mut counter, &answered(ORDERS, 1, ErrorCode::NONE)), NOTHING);
    assert_eq!(reached(&mut counter, &answered(UNKNOWN, 0, ErrorCode::NONE)), NOTHING);
    assert_eq!(
        reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NOT_ENOUGH_REPLICAS)),
        NOTHING
    );
    assert_eq!(reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NONE)), [7]);
    assert_eq!(reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NONE)), NOTHING);
    assert_eq!(counter.waiting(), 0);
    assert_eq!(counter.total(MarkName::ProduceAcked), 5);
    assert_eq!(counter.total(MarkName::ProduceRefused), 1);
}

#[test]
fn triggers_reached_together_come_in_the_order_they_were_armed() {
    let mut counter = MarkCounter::new();
    counter.arm(acked(0), 1, 5);
    counter.arm(MarkKind::BrokerStarted(BrokerId(1)), 1, 4);
    counter.arm(acked(0), 1, 3);
    assert_eq!(reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NONE)), [5, 3]);
    assert_eq!(
        reached(&mut counter, &Event::BrokerStarted { broker: BrokerId(2) }),
        NOTHING
    );
    assert_eq!(
        reached(&mut counter, &Event::BrokerStarted { broker: BrokerId(1) }),
        [4]
    );
}

#[test]
fn a_trigger_counts_from_when_it_was_armed() {
    let mut counter = MarkCounter::new();
    reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NONE));
    counter.arm(acked(0), 2, 0);
    assert_eq!(reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NONE)), NOTHING);
    assert_eq!(reached(&mut counter, &answered(ORDERS, 0, ErrorCode::NONE)), [0]);
}

#[test]
fn an_isr_that_swaps_a_member_both_shrinks_and_expands() {
    let names = |was: &[i32], isr: &[i32]| {
        let ids = |ids: &[i32]| ids.iter().map(|id| BrokerId(*id)).collect();
        let tp = Tp {
            topic: ORDERS,
            partition: 0,
        };
        let event = Event::IsrChanged {
            tp,
            was: ids(was),
            isr: ids(isr),
            elr: Box::default(),
            partition_epoch: 1,
        };
        event.marks().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names(&[1, 2, 3], &[1, 3]), [MarkName::IsrShrunk]);
    assert_eq!(names(&[1], &[1, 3]), [MarkName::IsrExpanded]);
    assert_eq!(names(&[1, 2], &[1, 3]), [MarkName::IsrShrunk, MarkName::IsrExpanded]);
    assert_eq!(names(&[1, 2], &[2, 1]), []);
}

#[test]
fn an_empty_fetch_and_a_recognised_duplicate_leave_no_mark() {
    let tp = Tp {
        topic: ORDERS,
        partition: 0,
    };
    let broker = BrokerId(1);
    let fetched = |next| Event::FetchAnswered {
        broker,
        tp,
        from: 5,
        next,
        error: ErrorCode::NONE,
    };
    assert_eq!(fetched(5).marks().count(), 0);
    assert_eq!(fetched(6).marks().count(), 1);
    let appended = |duplicate| Event::Appended {
        broker,
        tp,
        base: 0,
        last: 0,
        leader_epoch: 0,
        producer_id: 1,
        producer_epoch: 0,
        base_sequence: 0,
        duplicate,
    };
    assert_eq!(appended(true).marks().count(), 0);
    assert_eq!(appended(false).marks().count(), 1);
}

#[test]
fn every_name_has_its_own_total() {
    for (index, name) in MarkName::ALL.iter().enumerate() {
        assert_eq!(*name as usize, index);
    }
}
