//! Servers that the service asks: they answer what a test tells them to.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use query::{Fetch, FetchError, FetchRequest};

/// All servers there are. All clones are one.
#[derive(Clone, Default)]
pub(crate) struct Elsewhere(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: HashMap<String, Says>,
    asked: Vec<FetchRequest>,
}

#[derive(Clone)]
enum Says {
    At(Result<Vec<u8>, FetchError>),
    Never,
}

impl Elsewhere {
    /// From now on, that URL gives this.
    pub(crate) fn answer(&self, url: &str, body: impl AsRef<[u8]>) {
        self.says(url, Says::At(Ok(body.as_ref().to_vec())));
    }

    /// From now on, that URL fails.
    pub(crate) fn fail(&self, url: &str, error: FetchError) {
        self.says(url, Says::At(Err(error)));
    }

    /// From now on, that URL takes the question and never answers.
    pub(crate) fn hang(&self, url: &str) {
        self.says(url, Says::Never);
    }

    fn says(&self, url: &str, says: Says) {
        self.0.lock().answers.insert(url.to_owned(), says);
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<FetchRequest> {
        self.0.lock().asked.clone()
    }

    /// How often it was asked so far.
    pub(crate) fn times(&self) -> usize {
        self.0.lock().asked.len()
    }

    pub(crate) fn fetch(&self) -> Fetch {
        let this = self.clone();
        Arc::new(move |request| {
            let mut state = this.0.lock();
            let nobody = Says::At(Err(FetchError::Unreachable("nobody is there".to_owned())));
            let says = state.answers.get(&request.url).cloned().unwrap_or(nobody);
            state.asked.push(request);
            Box::pin(async move {
                // As over a network: the answer is not there at once.
                tokio::task::yield_now().await;
                match says {
                    Says::At(answer) => answer,
                    Says::Never => std::future::pending().await,
                }
            })
        })
    }
}
