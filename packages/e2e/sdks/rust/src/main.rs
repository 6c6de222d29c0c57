//! Does with Pusher's crate what an application does with it, and prints what came of each step as JSON. The crate has no
//! batches and nothing for users, and looks at the size of data itself.
//!
//! usage: steps HOST PORT SOCKET_ID

use pusher::{Pusher, PusherBuilder};
use serde_json::{json, Map, Value};

const NAME: &str = "rust";

fn result(outcome: Result<Value, String>) -> Value {
    match outcome {
        Ok(value) => json!({ "ok": true, "value": value }),
        Err(error) => json!({ "ok": false, "error": error }),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let host = format!("{}:{}", arguments[1], arguments[2]);
    let socket_id = &arguments[3];
    let client = |secret: &str| -> Pusher<_> { PusherBuilder::new("1001", "app-key", secret).host(&host).finalize() };
    let app = client("app-secret");
    let room = format!("presence-{}", NAME);
    let (first, second) = (format!("{}-a", NAME), format!("{}-b", NAME));
    let info = |attributes: &str| vec![("info".to_string(), attributes.to_string())];
    let mut results = Map::new();

    let sent = app
        .trigger_multi_exclusive(&[&first, &second], "one", json!({ "from": NAME }), socket_id)
        .await;
    results.insert("trigger".into(), result(sent.map(|_| Value::Null)));
    // In place of a batch; this one sends a socket_id of null.
    let sent = app.trigger(&first, "two", "plain text").await;
    results.insert("batch".into(), result(sent.map(|_| Value::Null)));
    let sent = app.trigger(&second, "three", json!({ "n": 3 })).await;
    results.insert("more".into(), result(sent.map(|_| Value::Null)));

    // In the order of names: the crate signs parameters as they are given.
    let query = [vec![("filter_by_prefix".to_string(), room.clone())], info("user_count")].concat();
    let channels = app.channels_with_options(query).await.map(|list| {
        let counted = list.channels.iter().map(|(name, channel)| (name.clone(), json!({ "user_count": channel.user_count })));
        json!({ "channels": counted.collect::<Map<String, Value>>() })
    });
    results.insert("channels".into(), result(channels));
    let channel = app.channel_with_options(&room, info("user_count,subscription_count")).await.map(|channel| {
        json!({
            "occupied": channel.occupied,
            "user_count": channel.user_count,
            "subscription_count": channel.subscription_count,
        })
    });
    results.insert("channel".into(), result(channel));
    let users = app.channel_users(&room).await.map(|list| {
        json!({ "users": list.users.iter().map(|user| json!({ "id": user.id })).collect::<Vec<Value>>() })
    });
    results.insert("users".into(), result(users));

    let refused = client("wrong").trigger(&first, "never", "x").await;
    results.insert("wrongSecret".into(), result(refused.map(|_| Value::Null)));
    let refused = app.channels_with_options(info("user_count")).await;
    results.insert("wrongInfo".into(), result(refused.map(|_| Value::Null)));
    println!("{}", Value::Object(results));
}
