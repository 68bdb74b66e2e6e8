//! What clients ask every day.

use kafka_sim_core::wire::{ApiKey, ResponseKind};
use tokio::io::AsyncWriteExt as _;

use crate::client::{self, Client};
use crate::{bounded, three_brokers};

#[tokio::test]
async fn the_first_metadata_names_every_broker_where_it_listens() {
    let server = three_brokers().await;
    let mut client = Client::connect(server.addresses()[1]).await;
    let ResponseKind::ApiVersions(versions) = client.ask(3, client::api_versions()).await else {
        panic!("api versions")
    };
    assert_eq!(versions.error_code, 0);
    let metadata = client.metadata("orders").await;
    let listed: Vec<String> = metadata
        .brokers
        .iter()
        .map(|b| format!("{}:{}", &*b.host, b.port))
        .collect();
    assert_eq!(listed.join(","), server.bootstrap_servers());
    assert_eq!(metadata.topics[0].error_code, 0);
    assert_eq!(metadata.topics[0].partitions[0].isr_nodes.len(), 3);
}

#[tokio::test]
async fn what_is_produced_is_fetched_again() {
    bounded(async {
        let server = three_brokers().await;
        let leader = crate::faults::leader(&server.view().await);
        let mut client = Client::connect(server.addresses()[leader]).await;
        for (offset, value) in (0..).zip([&b"one"[..], b"two", b"three"]) {
            assert_eq!(client.produce("orders", client::batch(value)).await, (0, offset));
        }
        let (error, values) = client.fetch("orders", 1).await;
        assert_eq!((error, values.concat()), (0, b"twothree".to_vec()));
    })
    .await;
}

#[tokio::test]
async fn a_created_topic_takes_messages() {
    bounded(async {
        let server = three_brokers().await;
        let mut client = Client::connect(server.addresses()[0]).await;
        let ResponseKind::CreateTopics(created) = client.ask(7, client::create_topic("more", 3)).await else {
            panic!("created")
        };
        assert_eq!(created.topics[0].error_code, 0);
        let view = crate::eventually(&server, |view| {
            view.partition("more", 0).is_some_and(|p| p.replicas.len() == 3)
        })
        .await;
        let leader = view
            .partition("more", 0)
            .and_then(|p| p.leader)
            .expect("a new partition has a leader");
        let mut client = Client::connect(server.addresses()[usize::try_from(leader.0).unwrap()]).await;
        assert_eq!(client.produce("more", client::batch(b"x")).await, (0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_parked_fetch_is_answered_when_another_connection_produces() {
    bounded(async {
        let server = three_brokers().await;
        let leader = server.addresses()[crate::faults::leader(&server.view().await)];
        let (mut reader, mut writer) = (Client::connect(leader).await, Client::connect(leader).await);
        let (request, id) = reader.encode(11, &client::fetch("orders", 0, 50_000));
        reader.socket.write_all(&request).await.unwrap();
        // The answer to a later request of its own proves that the broker has seen everything sent before.
        assert_eq!(writer.produce("orders", client::batch(b"news")).await, (0, 0));
        let ResponseKind::Fetch(fetched) = reader.answer(ApiKey::Fetch, 11, id).await else {
            panic!("fetched")
        };
        assert_eq!(client::values(&fetched), (0, vec!["news".into()]));
    })
    .await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    bounded(async {
        let server = three_brokers().await;
        let mut client = Client::connect(server.addresses()[0]).await;
        let mut stream = Vec::new();
        let ids: Vec<i32> = (0..500)
            .map(|_| {
                let (request, id) = client.encode(3, &client::api_versions());
                stream.extend_from_slice(&request);
                id
            })
            .collect();
        client.socket.write_all(&stream).await.unwrap();
        for id in ids {
            client.answer(ApiKey::ApiVersions, 3, id).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_may_arrive_byte_by_byte() {
    bounded(async {
        let server = three_brokers().await;
        let mut client = Client::connect(server.addresses()[0]).await;
        let (request, id) = client.encode(3, &client::api_versions());
        for byte in request {
            client.socket.write_all(&[byte]).await.unwrap();
        }
        client.answer(ApiKey::ApiVersions, 3, id).await;
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_stops_reading_gets_everything_once_it_goes_on() {
    bounded(async {
        let server = three_brokers().await;
        let leader = server.addresses()[crate::faults::leader(&server.view().await)];
        let mut client = Client::connect(leader).await;
        assert_eq!(client.produce("orders", client::batch(&vec![7; 500_000])).await, (0, 0));
        // 50 MB of answers do not fit into the sockets' buffers, and the broker may not hold them all either.
        let (mut stream, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let (request, id) = client.encode(11, &client::fetch("orders", 0, 0));
            stream.extend_from_slice(&request);
            ids.push(id);
        }
        client.socket.write_all(&stream).await.unwrap();
        let mut other = Client::connect(leader).await;
        other.ask(3, client::api_versions()).await;
        for id in ids {
            let ResponseKind::Fetch(fetched) = client.answer(ApiKey::Fetch, 11, id).await else {
                panic!("fetched")
            };
            assert_eq!(client::values(&fetched).1[0].len(), 500_000);
        }
    })
    .await;
}
