//! The server: its streams, its one consumer, and what can be asked of it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::stream::LocalBoxStream;
use parking_lot::{Mutex, MutexGuard};
use store::DeadLetter;
use store::StreamIdentity;
use store::simulated::Dice;

use super::fault::Fault;
use super::feed::LENGTH;
use super::stream::{Message, Payload, Stream, up_to};
use crate::delivered::Delivered;
use crate::error::ConsumerError;
use crate::intake::Sequences;
use crate::raw::RawError;
use crate::server::{Description, Server};
use crate::session::Failure;
use crate::settings::Settings;
use crate::stream::StreamError;

/// After so long the client takes silence for the end of its consumer.
const SILENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) number: u64,
    instance: u64,
    next: u64,
    delivered: u64,
    /// On their way to the client, or with it.
    queue: VecDeque<Result<Delivered, Failure>>,
    /// Since when the server does not have it any more.
    gone_since: Option<Duration>,
}

impl Consumer {
    /// The sequence that it looks for next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    fn deliver(&mut self, stream: &Stream, message: &Message) -> Delivered {
        self.delivered += 1;
        let pending = stream.pending_after(message.sequence);
        message.delivered(Sequences { stream: message.sequence, consumer: self.delivered, pending })
    }
}

/// A dead letter's copy.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) stream: StreamIdentity,
    pub(super) letter: DeadLetter,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) stream: Option<Stream>,
    pub(super) consumer: Option<Consumer>,
    pub(super) dead_letters: Vec<Copy>,
    /// Messages that can't be delivered, and whether that was tried.
    pub(super) undeliverable: BTreeMap<u64, bool>,
    /// All messages that there ever were, by the time at which they were stored.
    pub(super) messages: HashMap<i64, Arc<Message>>,
    /// What was not published yet.
    pub(super) feed: VecDeque<Payload>,
    /// What is published only if too much of the rest was lost.
    reserve: VecDeque<Payload>,
    pub(super) now: Duration,
    /// How many connections were made.
    pub(super) made: u64,
    pub(super) away_until: Option<Duration>,
    pub(super) silent_until: Option<Duration>,
    /// Faults that happened to deliveries and were not noted yet.
    pub(super) met: Vec<Fault>,
    /// What goes wrong with the next deliveries: a fault of delivery.
    pub(super) twist: Option<(Fault, Dice)>,
    /// How many questions may be answered before the simulation looks.
    answers: u64,
    pub(super) is_asked: bool,
    /// The one message that is asked for, if it is a question for one.
    pub(super) asked_for: Option<u64>,
    /// Whether the service has created streams.
    pub(super) has_created: bool,
    /// The last sequence of the stream when it was last described.
    pub(super) described: u64,
    /// How often the stream was changed otherwise than by publishing.
    pub(super) changes: u64,
    numbers: u64,
}

/// Cheap to clone: all clones are one server.
#[derive(Debug, Clone)]
pub(super) struct Nats(Arc<Mutex<State>>);

impl Nats {
    pub(super) fn new(mut feed: VecDeque<Payload>) -> Self {
        let reserve = feed.split_off(LENGTH);
        let mut state = State {
            stream: None,
            consumer: None,
            dead_letters: Vec::new(),
            undeliverable: BTreeMap::new(),
            messages: HashMap::new(),
            feed,
            reserve,
            now: Duration::ZERO,
            made: 1,
            away_until: None,
            silent_until: None,
            met: Vec::new(),
            twist: None,
            answers: 0,
            is_asked: false,
            asked_for: None,
            has_created: false,
            described: 0,
            changes: 0,
            numbers: 0,
        };
        state.create();
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }

    async fn answer(&self) -> Result<(), ()> {
        self.answer_for(None).await
    }

    /// The simulation looks before each answer.
    async fn answer_for(&self, asked_for: Option<u64>) -> Result<(), ()> {
        poll_fn(|_| {
            let mut state = self.lock();
            if state.answers == 0 {
                state.is_asked = true;
                state.asked_for = asked_for;
                return Poll::Pending;
            }
            state.answers -= 1;
            Poll::Ready(if state.is_reachable() { Ok(()) } else { Err(()) })
        })
        .await
    }
}

impl State {
    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// An empty stream in place of whatever is there.
    pub(super) fn create(&mut self) {
        self.changes += 1;
        let instance = self.number();
        self.stream =
            Some(Stream::new(instance, 1_600_000_000_000_000_000 + i64::try_from(instance).unwrap()));
    }

    pub(super) fn is_up(&self) -> bool {
        self.away_until.is_none_or(|until| until <= self.now)
    }

    pub(super) fn is_reachable(&self) -> bool {
        self.is_up() && self.silent_until.is_none_or(|until| until <= self.now)
    }

    pub(super) fn allow_answer(&mut self) {
        self.is_asked = false;
        self.answers = 1;
    }

    /// Publishes so many of what there is to publish, if there is a stream.
    pub(super) fn publish(&mut self, count: u64) {
        for _ in 0..count {
            if self.stream.is_none() {
                return;
            }
            let Some(payload) = self.feed.pop_front() else { return };
            let number = self.number();
            if let Some(stream) = &mut self.stream {
                let message = stream.append(number, payload);
                self.messages.insert(message.stored_at_ns(), message);
            }
        }
    }

    /// Publishes so many of those in reserve.
    pub(super) fn publish_more(&mut self, count: usize) {
        let count = count.min(self.reserve.len());
        self.feed.extend(self.reserve.drain(..count));
        self.publish(u64::MAX);
    }

    /// Publishes once more what the first messages of a history said.
    pub(super) fn publish_again(&mut self, newest: Option<&Arc<Message>>, count: u64) {
        let mut payloads = Vec::new();
        let mut next = up_to(newest, count);
        while let Some(message) = next {
            payloads.push(message.payload.clone());
            next = message.before.clone();
        }
        let later = std::mem::take(&mut self.feed);
        let again = payloads.len() as u64;
        self.feed = payloads.into_iter().rev().chain(later).collect();
        self.publish(again);
    }

    /// Time passes.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.away_until.is_some_and(|until| until <= self.now) {
            self.away_until = None;
            self.reconnect();
        }
    }

    /// The connection is a new one, and the old one's consumer gets nothing any more.
    pub(super) fn reconnect(&mut self) {
        self.made += 1;
        self.consumer = None;
    }

    /// The stream is another one now. What the consumer of the old one had on its way still comes.
    pub(super) fn replace(&mut self, stream: Option<Stream>, in_flight: u64) {
        self.deliver(in_flight);
        self.changes += 1;
        self.stream = stream;
        if let Some(consumer) = &mut self.consumer {
            consumer.gone_since = Some(self.now);
        }
        let instance = self.number();
        if let Some(stream) = &mut self.stream {
            stream.instance = instance;
        }
    }

    pub(super) fn end_consumer(&mut self) {
        if let Some(consumer) = &mut self.consumer {
            consumer.gone_since = Some(self.now);
        }
    }

    /// Whether the consumer has delivered all that there is.
    pub(super) fn is_drained(&self) -> bool {
        let (Some(stream), Some(consumer)) = (&self.stream, &self.consumer) else { return false };
        consumer.instance == stream.instance
            && consumer.gone_since.is_none()
            && stream.at_or_after(consumer.next).is_none()
            && consumer.queue.is_empty()
    }

    /// Has the consumer deliver so many messages.
    pub(super) fn deliver(&mut self, count: u64) {
        let is_up = self.is_up();
        let (Some(stream), Some(consumer)) = (&self.stream, &mut self.consumer) else { return };
        if consumer.instance != stream.instance || consumer.gone_since.is_some() || !is_up {
            return;
        }
        let mut deliveries = Vec::new();
        for _ in 0..count {
            let Some(message) = stream.at_or_after(consumer.next) else { break };
            if let Some(is_met) = self.undeliverable.get_mut(&message.number) {
                consumer.queue.extend(deliveries.drain(..).map(Ok));
                consumer.queue.push_back(Err(Failure::Ended));
                consumer.gone_since = Some(self.now);
                if !std::mem::replace(is_met, true) {
                    self.met.push(Fault::Undeliverable);
                }
                return;
            }
            consumer.next = message.sequence + 1;
            deliveries.push(consumer.deliver(stream, message));
        }
        let twist = self.twist.take_if(|_| deliveries.len() > 1);
        if let Some((fault, mut dice)) = twist {
            let place = dice.place(deliveries.len());
            match fault {
                Fault::DeliveredTwice => deliveries.insert(place, deliveries[place].clone()),
                Fault::NotDelivered => drop(deliveries.remove(place)),
                Fault::OutOfOrder => deliveries.rotate_left(place.max(1)),
                _ => {
                    let earlier = dice.between(1, deliveries[0].sequences.stream);
                    if let Some(message) = stream.at_or_after(earlier) {
                        let again = consumer.deliver(stream, message);
                        deliveries.push(again);
                    }
                }
            }
            self.met.push(fault);
        }
        consumer.queue.extend(deliveries.into_iter().map(Ok));
    }

    fn next(&mut self, number: u64) -> Poll<Option<Result<Delivered, Failure>>> {
        let (is_up, now) = (self.is_up(), self.now);
        let Some(consumer) = self.consumer.as_mut().filter(|consumer| consumer.number == number) else {
            return Poll::Pending;
        };
        if !is_up {
            return Poll::Pending;
        }
        match consumer.queue.pop_front() {
            Some(next) => Poll::Ready(Some(next)),
            None if consumer.gone_since.is_some_and(|since| now >= since + SILENCE) => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn found(&self, sequence: u64, is_exact: bool) -> Option<Delivered> {
        let message = self.stream.as_ref()?.at_or_after(sequence)?;
        let fits = !is_exact || message.sequence == sequence;
        fits.then(|| message.delivered(Sequences { stream: message.sequence, consumer: 1, pending: 0 }))
    }
}

impl Server for Nats {
    type Connection = u64;
    type Consumer = u64;
    type Messages = LocalBoxStream<'static, Result<Delivered, Failure>>;

    async fn up(&self) -> Result<u64, ConsumerError> {
        let is_up = |state: &State| if state.is_up() { Poll::Ready(Ok(state.made)) } else { Poll::Pending };
        poll_fn(|_| is_up(&self.lock())).await
    }

    async fn replaced(&self, old: u64) {
        let is_replaced = |state: &State| state.made != old && state.is_up();
        poll_fn(|_| if is_replaced(&self.lock()) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    async fn create_streams(&self, settings: &Settings) -> Result<(), StreamError> {
        self.answer().await.map_err(|()| StreamError::Created { stream: settings.stream.clone() })?;
        let mut state = self.lock();
        if state.stream.is_none() {
            state.create();
            state.has_created = true;
        }
        Ok(())
    }

    async fn describe(&self, stream: &str) -> Result<Option<Description>, StreamError> {
        self.answer().await.map_err(|()| StreamError::Created { stream: stream.to_owned() })?;
        let mut state = self.lock();
        let Some(stream) = &state.stream else { return Ok(None) };
        // A stream that never had a message begins at 0.
        let first_sequence = if stream.last == 0 { 0 } else { stream.first };
        let last_sequence = stream.last;
        let described = Description { created_ns: stream.created_ns, first_sequence, last_sequence };
        state.described = last_sequence;
        Ok(Some(described))
    }

    async fn at(&self, _: &str, sequence: u64) -> Result<Option<Delivered>, RawError> {
        self.answer_for(Some(sequence)).await.map_err(|()| RawError::Answer("answer"))?;
        Ok(self.lock().found(sequence, true))
    }

    async fn at_or_after(&self, _: &str, sequence: u64) -> Result<Option<Delivered>, RawError> {
        self.answer().await.map_err(|()| RawError::Answer("answer"))?;
        Ok(self.lock().found(sequence, false))
    }

    async fn consumer(&self, _: &str, start_sequence: u64) -> Result<u64, Failure> {
        self.answer().await.map_err(|()| Failure::Ended)?;
        let mut state = self.lock();
        let number = state.number();
        let Some(stream) = &state.stream else { return Err(Failure::Ended) };
        let (instance, queue) = (stream.instance, VecDeque::new());
        let consumer =
            Consumer { number, instance, next: start_sequence, delivered: 0, queue, gone_since: None };
        state.consumer = Some(consumer);
        Ok(number)
    }

    async fn messages(&self, consumer: &u64, _: usize) -> Result<Self::Messages, Failure> {
        self.answer().await.map_err(|()| Failure::Ended)?;
        let (nats, number) = (self.clone(), *consumer);
        Ok(Box::pin(futures::stream::poll_fn(move |_| nats.lock().next(number))))
    }
}
