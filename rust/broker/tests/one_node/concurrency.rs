//! Many clients that change metadata at once.

use base::ErrorCode;

use crate::batches::batch;
use crate::requests::assert_code;
use crate::test_broker::TestBroker;

const CLIENTS: usize = 8;
const TOPICS_EACH: usize = 25;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn topics_that_many_clients_create_at_once_all_take_records_at_once() {
    let broker = TestBroker::start(&[]).await;
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let mut connection = broker.connect().await;
        clients.push(tokio::spawn(async move {
            for topic in 0..TOPICS_EACH {
                let name = format!("t-{client}-{topic}");
                connection.create_topic(&name, &[]).await;
                let answer = connection.produce(&name, batch(&["a"])).await;
                assert_code(answer.error_code, ErrorCode::None);
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let mut client = broker.connect().await;
    for topic in (0..CLIENTS).flat_map(|n| (0..TOPICS_EACH).map(move |m| format!("t-{n}-{m}"))) {
        assert_eq!(client.log_end(&topic).await, 1, "{topic}");
    }
}
