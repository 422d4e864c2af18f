use std::time::Duration;

use axum::body::to_bytes;
use tokio::time::Instant;

use super::*;
use crate::Metrics;

/// A body that does not say how long it is.
struct Unsaid(Body);

impl HttpBody for Unsaid {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }
}

/// A body that never comes, or says `until` then that it is at its end.
struct Slow(Pin<Box<Sleep>>);

impl HttpBody for Slow {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.as_mut().poll(context).map(|()| None)
    }
}

fn limits() -> Limits {
    Limits { body_bytes: 10, body_read_timeout: Duration::from_secs(3), ..Limits::default() }
}

fn fate(all: &Arc<AllBodies>) -> Arc<Fate> {
    Fate::new(all, Metrics::new().listener)
}

/// Reads a body to its end; how many bytes it had, else why not.
async fn read<B>(body: B, all: &Arc<AllBodies>) -> Result<usize, TurnedAway>
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let fate = fate(all);
    let bytes = to_bytes(Body::new(Bounded::new(body, limits(), Arc::clone(&fate))), usize::MAX).await;
    match fate.refused() {
        None => Ok(bytes.unwrap().len()),
        Some(reason) => {
            bytes.unwrap_err();
            Err(reason)
        }
    }
}

#[tokio::test]
async fn a_body_may_have_so_many_bytes_and_not_one_more() {
    let all = AllBodies::new(1_000);
    let bytes = |count| Body::from("x".repeat(count));
    for (count, expected) in [(0, Ok(0)), (10, Ok(10)), (11, Err(TurnedAway::BodyTooLarge))] {
        assert_eq!(read(bytes(count), &all).await, expected, "{count} bytes, said before");
        assert_eq!(read(Unsaid(bytes(count)), &all).await, expected, "{count} bytes");
    }
}

/// Nothing of a body that says that it is too large is waited for.
#[tokio::test]
async fn what_is_said_to_be_too_large_is_not_read() {
    let all = AllBodies::new(1_000);
    let fate = fate(&all);
    let mut body = Bounded::new(Body::from("x".repeat(11)), limits(), fate);
    assert!(std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await.unwrap().is_err());
    assert!(body.late.is_none());
    assert_eq!(body.incoming.size_hint().exact(), Some(11));
}

#[tokio::test(start_paused = true)]
async fn a_body_may_take_so_long_and_not_longer() {
    let all = AllBodies::new(1_000);
    let took = async |millis| {
        let began = Instant::now();
        let body = Slow(Box::pin(tokio::time::sleep(Duration::from_millis(millis))));
        (read(body, &all).await, began.elapsed().as_millis())
    };
    assert_eq!(took(2_999).await, (Ok(0), 2_999));
    assert_eq!(took(3_001).await, (Err(TurnedAway::BodyTimeout), 3_000));
    assert_eq!(took(60_000).await, (Err(TurnedAway::BodyTimeout), 3_000));
}

#[tokio::test]
async fn all_bodies_together_have_a_bound_and_give_back_what_they_took() {
    let all = AllBodies::new(15);
    let held = fate(&all);
    let body = Bounded::new(Body::from("12345"), limits(), Arc::clone(&held));
    to_bytes(Body::new(body), usize::MAX).await.unwrap();
    let bytes = || Body::from("1234567890");
    assert_eq!(read(bytes(), &all).await, Ok(10));
    assert_eq!(read(bytes(), &all).await, Ok(10));
    let _one_more = all.take(1);
    assert_eq!(read(bytes(), &all).await, Err(TurnedAway::Overloaded));
    drop(held);
    assert_eq!(read(bytes(), &all).await, Ok(10));
    assert_eq!(all.taken.load(Relaxed), 1);
}
