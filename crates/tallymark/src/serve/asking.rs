//! Questions about the counts as they are at one sequence.

use std::time::SystemTime;

use consumer::Question;
use counters::Counters;
use query::{Accounts, AccountsQuestion};
use store::Store;
use tokio::sync::oneshot;

use super::live::Live;

impl Live {
    /// What `look` sees in the counters of the line in use, or why it can't look now.
    pub(super) async fn see<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Counters) -> T + Send + 'static,
    ) -> Result<T, String> {
        self.see_stored(move |counters, _| look(counters)).await
    }

    /// The same, for what its store has of it.
    pub(super) async fn see_stored<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Counters, &Store) -> T + Send + 'static,
    ) -> Result<T, String> {
        let (reply, answer) = oneshot::channel();
        let question = Question::of_both(move |counters, store| {
            // Whoever asked may be gone.
            let _ = reply.send(look(counters, store));
        });
        self.put(question, answer).await
    }

    pub(super) async fn accounts(self, question: AccountsQuestion) -> Result<Accounts, String> {
        self.see(move |counters| question.put_to(counters)).await
    }

    /// For tests of what finds damage.
    #[cfg(feature = "damage")]
    pub(super) async fn damage(self, damage: query::Damage) -> Result<bool, String> {
        let (reply, answer) = oneshot::channel();
        let question = Question::spoiling(move |counters| {
            let query::Damage { tenant, user, room, cursor } = damage;
            let _ = reply.send(counters.damage_cursor(&tenant, &user, &room, cursor));
        });
        self.put(question, answer).await
    }

    async fn put<T>(&self, question: Question, answer: oneshot::Receiver<T>) -> Result<T, String> {
        if !self.ask(question) {
            let not_ready = self.status().snapshot(SystemTime::now()).not_ready;
            return Err(not_ready.map_or_else(|| "the service is being stopped".to_owned(), |(_, why)| why));
        }
        answer
            .await
            .map_err(|_| "the counts changed hands, or the service is being stopped: ask again".to_owned())
    }
}
