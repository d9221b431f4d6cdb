//! The requests of one run: no more a minute than allowed, and again where that may help.

use std::time::Duration;

use rand::RngExt as _;
use rand_chacha::ChaCha20Rng;
use tokio::time::Instant;

use crate::{
    kernel::{clock::pause, period::Period},
    platform::{
        model::{Ask, Retries},
        port::{Page, Platform, PlatformError, Totals},
    },
};

pub(super) struct Requests<'a> {
    platform: &'a dyn Platform,
    /// Between one request and the next.
    interval: Duration,
    last: Option<Instant>,
    retries: Retries,
    rng: ChaCha20Rng,
}

impl<'a> Requests<'a> {
    pub(super) fn new(platform: &'a dyn Platform, a_minute: u32, retries: Retries, rng: ChaCha20Rng) -> Self {
        Self {
            platform,
            interval: Duration::from_secs(60) / a_minute.max(1),
            last: None,
            retries,
            rng,
        }
    }

    /// Asks for a page until it comes, or the budget is used up.
    pub(super) async fn page(&mut self, ask: &Ask) -> Result<Page, PlatformError> {
        let platform = self.platform;
        self.until_it_comes(|| platform.page(ask)).await
    }

    /// Asks so for the totals of a month.
    pub(super) async fn totals(&mut self, month: Period) -> Result<Option<Totals>, PlatformError> {
        let platform = self.platform;
        self.until_it_comes(|| platform.totals(month)).await
    }

    async fn until_it_comes<T, F>(&mut self, ask: impl Fn() -> F) -> Result<T, PlatformError>
    where
        F: Future<Output = Result<T, PlatformError>>,
    {
        loop {
            if let Some(last) = self.last {
                pause(self.interval.saturating_sub(last.elapsed())).await;
            }
            self.last = Some(Instant::now());
            let error = match ask().await {
                Ok(answer) => {
                    self.retries.went_well();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let jitter = self.rng.random();
            match self.retries.again(&error.fault, error.retry_after, jitter) {
                Some(wait) => {
                    tracing::debug!(?wait, "a platform will be asked again: {error}");
                    pause(wait).await;
                }
                None => return Err(error),
            }
        }
    }
}
