//! Bytes that are not Kafka, and clients that misbehave.

use kafka_sim_core::wire::ApiKey;
use tokio::io::AsyncWriteExt as _;

use crate::client::{self, Client};
use crate::{bounded, three_brokers};

#[tokio::test]
async fn garbage_closes_its_connection_and_harms_nobody() {
    bounded(async {
        let server = three_brokers().await;
        let mut friend = Client::connect(server.addresses()[0]).await;
        let negative = [0xff; 64];
        let oversized = [0x7f; 64];
        let unknown_api = [&[0, 0, 0, 60][..], &[0x7e; 60]].concat();
        let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for garbage in [&negative[..], &oversized, &unknown_api, http] {
            let mut foe = Client::connect(server.addresses()[0]).await;
            foe.socket.write_all(garbage).await.unwrap();
            assert!(foe.is_closed().await, "{garbage:?}");
            friend.ask(3, client::api_versions()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn half_a_frame_holds_up_nobody_and_goes_with_its_connection() {
    bounded(async {
        let server = three_brokers().await;
        for _ in 0..20 {
            let mut foe = Client::connect(server.addresses()[0]).await;
            foe.socket.write_all(&[5, 0, 0, 0, 1, 2, 3]).await.unwrap();
        }
        let mut friend = Client::connect(server.addresses()[0]).await;
        let (request, id) = friend.encode(3, &client::api_versions());
        let (front, back) = request.split_at(6);
        friend.socket.write_all(front).await.unwrap();
        Client::connect(server.addresses()[0])
            .await
            .ask(3, client::api_versions())
            .await;
        friend.socket.write_all(back).await.unwrap();
        friend.answer(ApiKey::ApiVersions, 3, id).await;
    })
    .await;
}

#[tokio::test]
async fn many_connections_are_served_at_once() {
    bounded(async {
        let server = three_brokers().await;
        let mut clients = Vec::new();
        for index in 0..400 {
            clients.push(Client::connect(server.addresses()[index % 3]).await);
        }
        for client in &mut clients {
            client.ask(3, client::api_versions()).await;
        }
        for client in clients.iter_mut().rev() {
            assert_eq!(client.metadata("orders").await.topics[0].error_code, 0);
        }
    })
    .await;
}
