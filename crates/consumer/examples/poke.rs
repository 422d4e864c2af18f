//! poke
use async_nats::jetstream;
use futures::StreamExt;
use std::time::{Duration, Instant};
#[tokio::main]
async fn main() {
    let url = std::env::var("URL").unwrap();
    let c = async_nats::connect(url).await.unwrap();
    let js = jetstream::new(c.clone());
    let a: Vec<String> = std::env::args().skip(1).collect();
    let a: Vec<&str> = a.iter().map(String::as_str).collect();
    match a[..] {
        ["create"] => {
            for (n, s) in [("CHAT", "chat.>"), ("CHAT_DEAD", "chat-dead.>")] {
                js.create_stream(jetstream::stream::Config {
                    name: n.into(),
                    subjects: vec![s.into()],
                    ..Default::default()
                })
                .await
                .unwrap();
            }
        }
        ["create", n, s] => {
            js.create_stream(jetstream::stream::Config {
                name: n.into(),
                subjects: vec![s.into()],
                ..Default::default()
            })
            .await
            .unwrap();
        }
        ["delete", n] => {
            js.delete_stream(n).await.unwrap();
        }
        ["delmsg", n] => {
            js.get_stream("CHAT").await.unwrap().delete_message(n.parse().unwrap()).await.unwrap();
        }
        ["purge", n, up] => {
            js.get_stream(n).await.unwrap().purge().sequence(up.parse().unwrap()).await.unwrap();
        }
        ["pub", s, b] => {
            println!(
                "{:?}",
                js.publish(s.to_string(), b.to_string().into()).await.unwrap().await.unwrap().sequence
            );
        }
        ["posts", from, to] => {
            js.publish("chat.demo.room.joined", r#"{"room":"r","users":["bob"]}"#.into())
                .await
                .unwrap()
                .await
                .unwrap();
            for i in from.parse::<u64>().unwrap()..to.parse::<u64>().unwrap() {
                js.publish(
                    "chat.demo.message.posted",
                    format!(r#"{{"room":"r","message":"m{i}","sender":"ann"}}"#).into(),
                )
                .await
                .unwrap()
                .await
                .unwrap();
            }
        }
        ["big"] => {
            let n = c.server_info().max_payload;
            println!(
                "{:?}",
                js.publish("chat.demo.message.posted", vec![0xc1u8; n].into())
                    .await
                    .unwrap()
                    .await
                    .unwrap()
                    .sequence
            );
        }
        ["bad", n] => {
            for i in 0..n.parse::<u64>().unwrap() {
                let f = js.publish("chat.demo.message.posted", format!("bad{i}").into()).await.unwrap();
                if i % 500 == 499 {
                    f.await.unwrap();
                }
            }
        }
        ["dead"] => {
            let mut s = js.get_stream("CHAT_DEAD").await.unwrap();
            let st = s.info().await.unwrap().state.clone();
            println!("dead: {} messages {}..{}", st.messages, st.first_sequence, st.last_sequence);
            for q in st.first_sequence..=st.last_sequence.min(st.first_sequence + 5) {
                if let Ok(m) = s.get_raw_message(q).await {
                    println!("{q} {} {} bytes {:?}", m.subject, m.payload.len(), m.headers);
                }
            }
        }
        ["replay", copies] => {
            let text = std::io::read_to_string(std::io::stdin()).unwrap();
            let mut n = 0u64;
            let mut futs = std::collections::VecDeque::new();
            for k in 0..copies.parse::<u32>().unwrap() {
                for l in text.lines() {
                    let v: serde_json::Value = serde_json::from_str(l).unwrap();
                    let kind = v["event"].as_str().unwrap();
                    let f = js.publish(format!("chat.t{k}.{kind}"), l.to_owned().into()).await.unwrap();
                    futs.push_back(f);
                    n += 1;
                    if futs.len() > 3000 {
                        futs.pop_front().unwrap().await.unwrap();
                    }
                }
            }
            for f in futs {
                f.await.unwrap();
            }
            println!("{n}");
        }
        ["bare"] => {
            let mut s = js.get_stream("CHAT").await.unwrap();
            let last = s.info().await.unwrap().state.last_sequence;
            let t = Instant::now();
            let cons = s
                .create_consumer(jetstream::consumer::pull::Config {
                    ack_policy: jetstream::consumer::AckPolicy::None,
                    memory_storage: true,
                    ..Default::default()
                })
                .await
                .unwrap();
            let mut m = cons
                .stream()
                .max_messages_per_batch(20_000)
                .expires(Duration::from_secs(30))
                .heartbeat(Duration::from_secs(5))
                .messages()
                .await
                .unwrap();
            let mut n = 0;
            while n < last {
                m.next().await.unwrap().unwrap();
                n += 1;
            }
            println!(
                "bare {n} in {:.2} = {:.0}/s",
                t.elapsed().as_secs_f64(),
                n as f64 / t.elapsed().as_secs_f64()
            );
        }
        _ => panic!("{a:?}"),
    }
}
